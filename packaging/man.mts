// Writes dist/man: a man page for each tool, of its page in docs/ and what it says with --help.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lexer } from "marked";
import { type Help, PROJECT, helpOf, helpsOfCommands, toolNames } from "./help.js";
import { blocks, entry, filesOf, literal } from "./roff.mjs";

const EXIT_STATUS: readonly (readonly [string, string])[] = [
  [
    "0",
    "The trace ended as it should: by Ctrl-C, SIGTERM, time or count. With COMMAND, its exit status instead.",
  ],
  [
    "1",
    "Something is missing on this machine, or failed; one line says what, and the command that mends it.",
  ],
  ["2", "The command line is wrong."],
];
const IN_PACKAGE = "in the package's folder, which npm install -g puts at $(npm root -g)/kvm-vmexit";
const STRICT = ["3", "With --strict: something was lost."] as const;

function entries(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([heading, text]) => entry(`\\fB${literal(heading)}\\fR`, text)).join("");
}

function options({ operands, options }: Help): string {
  const italic = (text: string) => `\\fI${literal(text)}\\fR`;
  const described = options.map(({ flags, value, description }) => {
    const names = flags.map((flag) => `\\fB${literal(flag)}\\fR`).join(", ");
    return entry(value === undefined ? names : `${names} ${italic(value)}`, description);
  });
  return [...operands.map(([name, description]) => entry(italic(name), description)), ...described].join("");
}

/** Options of a tool and, below their names, of its commands. */
function allOptions(help: Help, commands: readonly Help[]): string {
  const parts = commands.map((command) => {
    const name = command.name.slice(help.name.length + 1);
    return `.SS ${literal(name)}\n${literal(command.description)}\n${options(command)}`;
  });
  return [options(help), ...parts].join("");
}

/** A page of docs/ without its heading and usage, which --help tells better: its beginning, and its sections. */
function partsOf(tool: string): [string, string] {
  const tokens = lexer(readFileSync(join(PROJECT, "docs", `${tool}.md`), "utf8")).slice(1);
  const usage = tokens.findIndex(({ type, raw }) => type === "code" && raw.includes(tool));
  const body = tokens.filter((_, i) => i !== usage);
  const sections = body.findIndex(({ type }) => type === "heading");
  return [blocks(body.slice(0, sections)), blocks(body.slice(sections))];
}

function manPage(help: Help, version: string, tools: readonly string[]): string {
  const commands = helpsOfCommands(help);
  const [description, sections] = partsOf(help.name);
  const what = help.description.replace(/[.;:].*$/, "").replace(/^[A-Z]/, (letter) => letter.toLowerCase());
  const strict = help.options.some(({ flags }) => flags.includes("--strict"));
  const others = tools.filter((tool) => tool !== help.name).map((tool) => `${tool}(1)`);
  const usages = (commands.length > 0 ? commands : [help]).map(
    ({ name, usage }) => `\\fB${literal(name)}\\fR ${literal(usage)}\n`,
  );
  const files = filesOf(description + sections);
  const examples = [help, ...commands].flatMap((each) => each.examples);
  return [
    // The first line asks for tbl. Neither hyphens nor stretched spaces: both would spoil options and commands. An
    // ellipsis is dots on a terminal that knows ASCII only.
    `'\\" t\n.fchar \\[u2026] ...\n.TH ${literal(help.name.toUpperCase())} 1 "" "kvm\\-vmexit ${version}" "VM exits"\n.nh\n.ad l\n`,
    `.SH NAME\n${literal(help.name)} \\- ${literal(what)}\n`,
    `.SH SYNOPSIS\n${usages.join(".br\n")}`,
    `.SH DESCRIPTION\n${description}`,
    `.SH OPTIONS\n${allOptions(help, commands)}`,
    sections,
    `.SH EXAMPLES\n${entries(examples)}`,
    files.length > 0
      ? `.SH FILES\n${entry(files.map((file) => `\\fB${literal(file)}\\fR`).join(", "), IN_PACKAGE)}`
      : "",
    `.SH EXIT STATUS\n${entries(strict ? [...EXIT_STATUS, STRICT] : EXIT_STATUS)}`,
    `.SH SEE ALSO\n${literal([...others, "perf-kvm(1)", "kvm_stat(1)"].join(", "))}\n`,
  ].join("");
}

const folder = join(PROJECT, "dist", "man");
mkdirSync(folder, { recursive: true });
const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string };
const tools = toolNames();
for (const tool of tools) writeFileSync(join(folder, `${tool}.1`), manPage(helpOf(tool), version, tools));
