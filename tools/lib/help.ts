// SPDX-License-Identifier: MIT
// What a tool says of itself with --help.
import { wrap } from "../../src/render/wrap";
import { HELP, VERSION, either } from "./command-line";
import { type Command, type Group, HEADINGS, type Operand, type Option, type Tool, isGroup } from "./tool";

/** Of help that isn't printed to a narrower terminal. */
const WIDTH = 80;
const INDENT = 2;
const GAP = 2;
// A longer option has its text in the line below.
const MAX_TERM = 22;
/** Above the options that no other tool has. */
const OWN = "Options";
// A second column that has no room for some words is below the first.
const MIN_TEXT = 24;
const MIN_TEXT_OF_EXAMPLES = 36;
const BELOW = 6;

const indented = (lines: readonly string[], by: number) => lines.map((line) => " ".repeat(by) + line);

type Row = readonly [term: string, text: string];

/** Where the second of two columns begins. @param most a longer term has its text in the line below */
function secondColumn(rows: readonly Row[], most = Infinity): number {
  const fitting = rows.map(([term]) => term.length).filter((length) => length <= most);
  return INDENT + Math.max(0, ...fitting) + GAP;
}

/** Two columns; what doesn't fit into the second goes on in the lines below. @param least columns that it needs */
function columns(
  rows: readonly Row[],
  width: number,
  indent = secondColumn(rows),
  least = MIN_TEXT,
): string[] {
  if (width - indent < least)
    return rows.flatMap(([term, text]) => [
      ...indented(wrap(term, width - INDENT), INDENT),
      ...indented(wrap(text, width - BELOW), BELOW),
    ]);
  return rows.flatMap(([term, text]) => {
    const [first = "", ...rest] = wrap(text, width - indent);
    const below = indented(rest, indent);
    const head = " ".repeat(INDENT) + term;
    return head.length + GAP > indent
      ? [head, " ".repeat(indent) + first, ...below]
      : [head.padEnd(indent) + first, ...below];
  });
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines];
}

/** How an option's value follows it: ` PIDS`, or `[=WHEN]` where it may be left out. */
export function valueOf({ value, implied }: Option, mark: (text: string) => string = (text) => text): string {
  if (value === undefined) return "";
  return implied === undefined ? ` ${mark(value)}` : `[=${mark(value)}]`;
}

/** `-p, --pid PIDS`. */
export function termOf(option: Option): string {
  return option.flags.join(", ") + valueOf(option);
}

/** What an option does, its choices and its default. */
export function descriptionOf({ description, choices, implied, default: fallback }: Option): string {
  const value = implied ?? fallback;
  const facts = [
    ...(choices ? [either(choices)] : []),
    ...((typeof value === "string" && value !== "") || typeof value === "number"
      ? [`default: ${value}`]
      : []),
  ];
  return facts.length === 0 ? description : `${description} (${facts.join("; ")})`;
}

/** Operands as a usage line has them: one that may be left out leaves out those that follow it. */
function operandsOf([first, ...rest]: readonly Operand[]): string {
  if (!first) return "";
  const name = first.name + (first.many ? "…" : "");
  const others = operandsOf(rest);
  const all = others === "" ? name : `${name} ${others}`;
  return first.required ? all : `[${all}]`;
}

/** The options of a tool with those that every tool has. */
export function optionsOf(tool: Tool): Option[] {
  return [...(isGroup(tool) ? [] : Object.values(tool.options)), HELP, VERSION];
}

/** What follows a tool's name: `[options] [interval [count]] [-- COMMAND…]`. */
export function usageOf(tool: Tool): string {
  if (isGroup(tool)) return "WORD …";
  const parts = ["[options]", operandsOf(tool.operands), tool.runsCommand ? "[-- COMMAND…]" : ""];
  return parts.filter((part) => part !== "").join(" ");
}

/** Examples with the name by which the tool is called. */
export function examplesOf(tool: Tool, name: string): [string, string][] {
  return tool.examples.map(([line, what]) => [line === "" ? name : `${name} ${line}`, what]);
}

/** The options of a tool by their headings, its own first. */
export function optionGroups(tool: Tool): [heading: string, Option[]][] {
  const all = optionsOf(tool);
  return [OWN, ...Object.values(HEADINGS)]
    .map((heading): [string, Option[]] => [
      heading,
      all.filter((option) => (option.heading ?? OWN) === heading),
    ])
    .filter(([, options]) => options.length > 0);
}

function optionLines(command: Command, width: number): string[] {
  const rowsOf = (options: readonly Option[]) =>
    options.map((option): Row => [termOf(option), descriptionOf(option)]);
  const indent = secondColumn(rowsOf(optionsOf(command)), MAX_TERM);
  return optionGroups(command).flatMap(([heading, options]) =>
    section(heading, columns(rowsOf(options), width, indent)),
  );
}

function commandLines(command: Command, width: number): string[] {
  return [
    ...section(
      "Operands",
      columns(
        command.operands.map(({ name, description }) => [name, description]),
        width,
      ),
    ),
    ...optionLines(command, width),
    ...(command.more ? ["", ...command.more.flatMap((line) => wrap(line, width))] : []),
  ];
}

function groupLines(group: Group, name: string, width: number): string[] {
  const words = group.words.map(({ word, summary }) => [word, summary] as const);
  return [
    ...section("Words", columns(words, width)),
    "",
    ...wrap(`${name} WORD --help, or ${name} help WORD, tells the rest.`, width),
  ];
}

function exampleLines(examples: readonly Row[], width: number): string[] {
  return columns(examples, width, secondColumn(examples), MIN_TEXT_OF_EXAMPLES);
}

/**
 * The help of a tool by the name by which it was called, in lines of 80 characters at most.
 * @param room columns that a terminal has
 */
export function helpLines(tool: Tool, name: string, room = WIDTH): string[] {
  const width = Math.min(WIDTH, room);
  return [
    ...wrap(`Usage: ${name} ${usageOf(tool)}`, width),
    "",
    ...wrap(tool.summary, width),
    ...(isGroup(tool) ? groupLines(tool, name, width) : commandLines(tool, width)),
    ...section("Examples", exampleLines(examplesOf(tool, name), width)),
  ];
}
