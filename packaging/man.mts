// SPDX-License-Identifier: MIT
// Writes dist/man: a man page for each tool, made of its page in docs/ and its options.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lexer } from "marked";
import { descriptionOf, examplesOf, optionGroups, optionsOf, usageOf, valueOf } from "../tools/lib/help.js";
import { isGroup } from "../tools/lib/tool.js";
import { type Named, PAGES, type Page, treeOf } from "./commands.js";
import { PROJECT } from "./project.js";
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

const bold = (text: string) => `\\fB${literal(text)}\\fR`;
const italic = (text: string) => `\\fI${literal(text)}\\fR`;

/** Operands and options of a tool, or the words that lead on. */
function options({ tool }: Named): string {
  if (isGroup(tool)) return entries(tool.words.map(({ word, summary }) => [word, summary]));
  const operands = tool.operands.map(({ name, description }) => entry(italic(name), description));
  const described = optionGroups(tool).flatMap(([heading, group], i) => [
    i === 0 ? "" : `.P\n${literal(heading)}:\n`,
    ...group.map((option) => {
      const names = option.flags.map(bold).join(", ");
      return entry(names + valueOf(option, italic), descriptionOf(option));
    }),
  ]);
  return [...operands, ...described].join("");
}

/** Options of a tool and, below their names, of those that its words lead to. */
function allOptions([root, ...others]: readonly Named[]): string {
  const parts = others.map(
    (named) => `.SS ${literal(named.path.join(" "))}\n${literal(named.tool.summary)}\n${options(named)}`,
  );
  return [root ? options(root) : "", ...parts].join("");
}

/** A page of docs/ without its heading and usage, which the options tell better: its beginning, and its sections. */
function partsOf(name: string): [string, string] {
  const path = join("docs", `${name}.md`);
  if (!existsSync(join(PROJECT, path)))
    throw new Error(`${name} has no page; write ${path}, see docs/adding.md`);
  const tokens = lexer(readFileSync(join(PROJECT, path), "utf8")).slice(1);
  const usage = tokens.findIndex(({ type, raw }) => type === "code" && raw.includes(name));
  const body = tokens.filter((_, i) => i !== usage);
  const sections = body.findIndex(({ type }) => type === "heading");
  const at = sections < 0 ? body.length : sections;
  return [blocks(body.slice(0, at)), blocks(body.slice(at))];
}

/** Each way to call a tool: by its command, and by the umbrella's word. */
function synopsis(page: Page, tree: readonly Named[]): string {
  const names = [
    ...(page.installed ? [page.name] : []),
    ...(page.word === undefined ? [] : [`kvm-vmexit ${page.word}`]),
  ];
  const called = tree.filter(({ tool }) => tree.length === 1 || !isGroup(tool));
  const lines = names.flatMap((name) =>
    called.map(({ path, tool }) => `${bold([name, ...path].join(" "))} ${literal(usageOf(tool))}\n`),
  );
  return lines.join(".br\n");
}

async function manPage(page: Page, version: string): Promise<string> {
  const { name } = page;
  const whole = await treeOf({
    name: page.installed ? name : `kvm-vmexit ${page.word ?? ""}`,
    load: page.load,
  });
  // The umbrella's words have pages of their own.
  const tree = name === "kvm-vmexit" ? whole.slice(0, 1) : whole;
  const [description, sections] = partsOf(name);
  const [first] = tree;
  const what = (first?.tool.summary ?? "")
    .replace(/[.;:].*$/, "")
    .replace(/^[A-Z]/, (letter) => letter.toLowerCase());
  const strict = tree.some(({ tool }) => optionsOf(tool).some(({ flags }) => flags.includes("--strict")));
  const others = PAGES.filter((other) => other.name !== name).map((other) => `${other.name}(1)`);
  const files = filesOf(description + sections);
  const examples = tree.flatMap((named) => examplesOf(named.tool, named.name));
  return [
    // The first line asks for tbl. Neither hyphens nor stretched spaces: both would spoil options and commands. An
    // ellipsis is dots on a terminal that knows ASCII only.
    `'\\" t\n.fchar \\[u2026] ...\n.TH ${literal(name.toUpperCase())} 1 "" "kvm\\-vmexit ${version}" "VM exits"\n.nh\n.ad l\n`,
    `.SH NAME\n${literal(name)} \\- ${literal(what)}\n`,
    `.SH SYNOPSIS\n${synopsis(page, tree)}`,
    `.SH DESCRIPTION\n${description}`,
    `.SH ${first && isGroup(first.tool) && tree.length === 1 ? "WORDS" : "OPTIONS"}\n${allOptions(tree)}`,
    sections,
    `.SH EXAMPLES\n${entries(examples)}`,
    files.length > 0 ? `.SH FILES\n${entry(files.map(bold).join(", "), IN_PACKAGE)}` : "",
    `.SH EXIT STATUS\n${entries(strict ? [...EXIT_STATUS, STRICT] : EXIT_STATUS)}`,
    `.SH SEE ALSO\n${literal([...others, "perf-kvm(1)", "kvm_stat(1)"].join(", "))}\n`,
  ].join("");
}

const folder = join(PROJECT, "dist", "man");
mkdirSync(folder, { recursive: true });
const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string };
for (const page of PAGES) writeFileSync(join(folder, `${page.name}.1`), await manPage(page, version));
