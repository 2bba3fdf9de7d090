// Reads what a built tool says with --help: the one source of what man pages and completions say of its options.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** The project's folder, from dist/packaging/. */
export const PROJECT = join(__dirname, "..", "..");

/** One option of a tool. */
export interface HelpOption {
  /** `-p`, `--pid`. */
  readonly flags: readonly string[];
  /** `pids`; undefined if it takes no value. */
  readonly value?: string;
  readonly description: string;
  /** All values there are, if they are few. */
  readonly choices: readonly string[];
}

type Pair = readonly [string, string];

/** The help of a tool, or of one of its commands, taken apart. */
export interface Help {
  /** `kvm-trace record`. */
  readonly name: string;
  /** What stands behind the name: `[options] [interval [count]]`. */
  readonly usage: string;
  readonly description: string;
  /** Operands that are described, and what they are. */
  readonly operands: readonly Pair[];
  readonly options: readonly HelpOption[];
  /** The names of its own commands. */
  readonly commands: readonly string[];
  /** Command line and what it does. */
  readonly examples: readonly Pair[];
}

/** The tools of the package, by name. */
export function toolNames(): string[] {
  return readdirSync(join(PROJECT, "tools"))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

/** Rows of two columns, whose second may go on in the lines below. */
function rows(lines: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (const line of lines) {
    const last = result.at(-1);
    const [, first, second = ""] = /^ {2}(\S.*?)(?: {2,}(.*))?$/.exec(line) ?? [];
    if (first !== undefined) result.push([first, second]);
    else if (last && line.trim() !== "") last[1] = `${last[1]} ${line.trim()}`.trim();
  }
  return result;
}

function option([term, description]: Pair): HelpOption {
  const [, value] = /[<[]([^>\]]+)[>\]]/.exec(term) ?? [];
  const [, choices = ""] = /\(choices: ((?:"[^"]*"(?:, )?)+)/.exec(description) ?? [];
  return {
    flags: term.match(/(?<![\w-])--?[\w-]+/g) ?? [],
    ...(value === undefined ? {} : { value }),
    description,
    choices: choices.match(/[^", ]+/g) ?? [],
  };
}

/** Takes a help text apart. */
export function parseHelp(name: string, text: string): Help {
  const [head = "", ...rest] = text.split(/^(?=[A-Z][\w ]*:$)/m);
  const [, usage = "", description = ""] = /^Usage: (.*)\n\n([^]*)/.exec(head) ?? [];
  const section = (title: string) =>
    rows((rest.find((part) => part.startsWith(title)) ?? "").split("\n").slice(1));
  return {
    name,
    usage: usage.slice(name.length).trim(),
    description: description.replace(/\s+/g, " ").trim(),
    operands: section("Arguments:"),
    options: section("Options:").map(option),
    commands: section("Commands:")
      .map(([command]) => command.split(" ")[0] ?? "")
      .filter((command) => command !== "help"),
    examples: section("Examples:"),
  };
}

/** What a built tool, or one of its commands, prints with --help. */
export function helpText(tool: string, ...command: readonly string[]): string {
  const path = join(PROJECT, "dist", "bin", `${tool}.js`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...command, "--help"], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${tool} --help failed: ${stderr}`);
  return stdout;
}

/** The same, taken apart. */
export function helpOf(tool: string, ...command: readonly string[]): Help {
  return parseHelp([tool, ...command].join(" "), helpText(tool, ...command));
}

/** Helps of a tool's commands. */
export function helpsOfCommands(tool: Help): Help[] {
  return tool.commands.map((command) => helpOf(tool.name, command));
}
