// The man pages, and the help that they are made of: there for every tool, complete, and shown without a warning.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { helpOf, helpText, helpsOfCommands, parseHelp, toolNames } from "../../packaging/help";
import { PROJECT } from "../tools";

const SECTIONS = [
  "NAME",
  "SYNOPSIS",
  "DESCRIPTION",
  "OPTIONS",
  "OVERHEAD",
  "CAVEATS",
  "EXAMPLES",
  "EXIT STATUS",
  "SEE ALSO",
];

function shown(tool: string, locale = "C.UTF-8"): string {
  const { status, stdout, stderr } = spawnSync(
    "man",
    ["--warnings=w", "-l", join(PROJECT, "dist", "man", `${tool}.1`)],
    { encoding: "utf8", env: { ...process.env, LC_ALL: locale, MANWIDTH: "80", GROFF_NO_SGR: "" } },
  );
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return stdout;
}

for (const tool of toolNames()) {
  const help = helpOf(tool);
  const commands = helpsOfCommands(help);

  test(`${tool} has a page with all sections`, () => {
    const lines = shown(tool).split("\n");
    for (const section of SECTIONS) assert.ok(lines.includes(section), section);
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
  });

  test(`${tool}'s page has every option and example of --help`, () => {
    const page = shown(tool).replace(/\s+/g, " ");
    for (const { name, usage, options, operands, examples, description } of [help, ...commands]) {
      assert.ok(description !== "" && options.length > 0 && examples.length > 0, name);
      if (commands.length === 0) assert.ok(page.includes(` ${name} ${usage} `), usage);
      for (const { flags, value, description } of options) {
        const option = value === undefined ? flags.join(", ") : `${flags.join(", ")} ${value}`;
        assert.ok(page.includes(` ${option} ${description} `), option);
      }
      for (const [first, second] of [...operands, ...examples])
        assert.ok(page.includes(` ${first} ${second} `.replace(/\s+/g, " ")), first);
    }
  });

  test(`${tool}'s page is whole on a terminal that knows ASCII only`, () => {
    const page = shown(tool, "C").replace(/\s+/g, " ");
    for (const { name, usage } of commands.length > 0 ? commands : [help])
      assert.ok(page.includes(` ${name} ${usage.replaceAll("…", "...")} `), usage);
  });

  test(`${tool}'s page says where the files are that it names, and the package has them`, () => {
    const page = shown(tool).replace(/\s+/g, " ");
    const [, files = ""] = / FILES (.*?) EXIT STATUS /.exec(page) ?? [];
    const documents = readdirSync(join(PROJECT, "docs")).filter((name) => page.includes(name));
    assert.doesNotMatch(page, /\\f/);
    for (const name of documents) assert.ok(files.includes(`docs/${name}`), name);
    assert.equal(
      files.includes("which npm install -g puts at $(npm root -g)/kvm-vmexit"),
      documents.length > 0,
    );
    assert.doesNotMatch(page.replaceAll(/docs\/[\w.-]+/g, ""), /bench\.md|schema\.json|\bkvm[\w-]*\.md/);
  });

  test(`${tool}'s help fits 80 columns, each command's too`, () => {
    const texts = [[], ...help.commands.map((command) => [command])].map((words) => helpText(tool, ...words));
    const wide = texts.flatMap((text) => text.split("\n")).filter((line) => line.length > 80);
    assert.deepEqual(wide, []);
  });

  test(`${tool} is a command of the package, with a line in the README`, () => {
    const { bin, man } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
      bin: Record<string, string>;
      man: string[];
    };
    assert.equal(bin[tool], `dist/bin/${tool}.js`);
    assert.ok(man.includes(`dist/man/${tool}.1`));
    assert.ok(readFileSync(join(PROJECT, "README.md"), "utf8").includes(`| [${tool}](docs/${tool}.md) |`));
  });
}

test("a help text is taken apart", () => {
  const text = `Usage: tool now [options] [REASON…]

Shows this
and that.

Options:
  -p, --pid <pids>     one,
                       two
  --by <what>          group (choices: "reason", "vm",
                       "vcpu", default: "reason")
  --a-very-long-option-that-takes-a-line <n>
                       three
  -q                   four

Arguments:
  reason  why
          it is so

Commands:
  record [options]  does much
                    for long
  help [command]    helps

Examples:
  tool -q            quietly
  tool --by vm 1 10  for each VM
`;
  assert.deepEqual(parseHelp("tool now", text), {
    name: "tool now",
    usage: "[options] [REASON…]",
    description: "Shows this and that.",
    operands: [["reason", "why it is so"]],
    commands: ["record"],
    options: [
      { flags: ["-p", "--pid"], value: "pids", description: "one, two", choices: [] },
      {
        flags: ["--by"],
        value: "what",
        description: 'group (choices: "reason", "vm", "vcpu", default: "reason")',
        choices: ["reason", "vm", "vcpu"],
      },
      { flags: ["--a-very-long-option-that-takes-a-line"], value: "n", description: "three", choices: [] },
      { flags: ["-q"], description: "four", choices: [] },
    ],
    examples: [
      ["tool -q", "quietly"],
      ["tool --by vm 1 10", "for each VM"],
    ],
  });
});
