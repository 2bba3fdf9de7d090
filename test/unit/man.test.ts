// SPDX-License-Identifier: MIT
// The man pages: there for every tool, complete, and shown without a warning.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { COMMANDS, PAGES, treeOf } from "../../packaging/commands";
import { descriptionOf, examplesOf, optionsOf, termOf, usageOf } from "../../tools/lib/help";
import { isGroup } from "../../tools/lib/tool";
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

for (const page of PAGES) {
  const { name } = page;
  const isUmbrella = name === "kvm-vmexit";
  const called = page.installed ? name : `kvm-vmexit ${page.word ?? ""}`;
  // The umbrella's words have pages of their own.
  const tree = async () => (await treeOf({ ...page, name: called })).slice(0, isUmbrella ? 1 : undefined);

  test(`${name} has a page with all sections`, () => {
    const lines = shown(name).split("\n");
    const sections = isUmbrella
      ? SECTIONS.map((section) => section.replace("OPTIONS", "WORDS")).filter(
          (section) => !["OVERHEAD", "CAVEATS"].includes(section),
        )
      : SECTIONS;
    for (const section of sections)
      assert.ok(
        lines.includes(section),
        `the section ${section} is missing; a tool's page in docs/ has some`,
      );
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
  });

  test(`${name}'s page has every option, operand, word and example`, async () => {
    const shownPage = shown(name).replace(/\s+/g, " ");
    const has = (text: string) => {
      assert.ok(shownPage.includes(` ${text} `.replace(/\s+/g, " ")), text);
    };
    const all = await tree();
    for (const each of all) {
      const { tool } = each;
      assert.ok(tool.summary !== "" && tool.examples.length > 0, each.name);
      for (const example of examplesOf(tool, each.name)) has(example.join(" "));
      if (isGroup(tool)) {
        for (const { word, summary } of tool.words) has(all.length > 1 ? word : `${word} ${summary}`);
        continue;
      }
      has(`${each.name} ${usageOf(tool)}`);
      for (const operand of tool.operands) has(`${operand.name} ${operand.description}`);
      for (const option of optionsOf(tool)) has(`${termOf(option)} ${descriptionOf(option)}`);
    }
  });

  test(`${name}'s page says how the umbrella calls it`, async () => {
    if (page.word === undefined) return;
    const text = shown(name).replace(/\s+/g, " ");
    for (const { tool, path } of await tree())
      if (!isGroup(tool))
        assert.ok(text.includes(` ${["kvm-vmexit", page.word, ...path].join(" ")} ${usageOf(tool)} `));
  });

  test(`${name}'s page is whole on a terminal that knows ASCII only`, async () => {
    const text = shown(name, "C").replace(/\s+/g, " ");
    for (const each of await tree())
      if (!isGroup(each.tool) || isUmbrella)
        assert.ok(text.includes(` ${each.name} ${usageOf(each.tool).replaceAll("…", "...")} `), each.name);
  });

  test(`${name}'s page says where the files are that it names, and the package has them`, () => {
    const text = shown(name).replace(/\s+/g, " ");
    const [, files = ""] = / FILES (.*?) EXIT STATUS /.exec(text) ?? [];
    const documents = readdirSync(join(PROJECT, "docs")).filter((file) => text.includes(file));
    assert.doesNotMatch(text, /\\f/);
    for (const file of documents) assert.ok(files.includes(`docs/${file}`), file);
    assert.equal(
      files.includes("which npm install -g puts at $(npm root -g)/kvm-vmexit"),
      documents.length > 0,
    );
    assert.doesNotMatch(text.replaceAll(/docs\/[\w.-]+/g, ""), /bench\.md|schema\.json|\bkvm[\w-]*\.md/);
  });

  test(`${name} has a page in docs/, and the README leads there`, () => {
    assert.ok(existsSync(join(PROJECT, "docs", `${name}.md`)), `there is no docs/${name}.md`);
    const readme = readFileSync(join(PROJECT, "README.md"), "utf8");
    assert.ok(readme.includes(`(docs/${name}.md)`), `README.md has no link to docs/${name}.md`);
  });
}

test("package.json has every command (bin) and man page (man) of the registry, and no other", () => {
  const { bin, man } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
    bin: Record<string, string>;
    man: string[];
  };
  assert.deepEqual(bin, Object.fromEntries(COMMANDS.map(({ name }) => [name, `dist/bin/${name}.js`])));
  assert.deepEqual(
    man,
    PAGES.map(({ name }) => `dist/man/${name}.1`),
  );
});
