// SPDX-License-Identifier: MIT
// Reads a command line by a tool's options and operands, with commander.
import { CommanderError, Command as Parser, Option as ParserOption } from "commander";
import { UsageError } from "../../src/errors";
import { Asked, type Command, type Group, type Operand, type Option } from "./tool";

/** What every tool takes. */
export const HELP: Option = { flags: ["-h", "--help"], description: "show this help" };
export const VERSION: Option = { flags: ["-V", "--version"], description: "print the version" };

/** What a command line says: options by name, operands, and the command that follows `--`. */
export interface CommandLine {
  readonly options: Readonly<Record<string, unknown>>;
  readonly operands: readonly string[];
  readonly command: readonly string[];
}

/** A list of words: `a, b or c`. */
export function either(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`;
}

/** The flag by which messages name an option. */
export function flagOf(option: Option | undefined): string {
  return option?.flags.at(-1) ?? "";
}

function parsed(option: Option, text: string, before: unknown): unknown {
  if (option.choices && !option.choices.includes(text))
    throw new UsageError(`${flagOf(option)} takes ${either(option.choices)}, not "${text}"`);
  return option.parse ? option.parse(text, before as never) : text;
}

function parserOption(option: Option): ParserOption {
  const value = option.value === undefined ? "" : ` <${option.value}>`;
  const result = new ParserOption(option.flags.join(", ") + value);
  if (value !== "") result.argParser((text, before) => parsed(option, text, before));
  result.default(option.default ?? (value === "" ? false : undefined));
  return result.conflicts([...(option.conflicts ?? [])]).makeOptionMandatory(option.required ?? false);
}

function asking(option: Option, what: "help" | "version"): ParserOption {
  return new ParserOption(option.flags.join(", ")).argParser(() => {
    throw new Asked(what);
  });
}

function argumentOf({ name, required, many }: Operand): string {
  const all = name + (many ? "..." : "");
  return required ? `<${all}>` : `[${all}]`;
}

function emptyParser(): Parser {
  return new Parser()
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .helpOption(false)
    .helpCommand(false)
    .addOption(asking(HELP, "help"))
    .addOption(asking(VERSION, "version"));
}

function parserOf(command: Command): Parser {
  const parser = emptyParser()
    .allowExcessArguments()
    .action(() => undefined);
  for (const option of Object.values(command.options)) parser.addOption(parserOption(option));
  for (const operand of command.operands) parser.argument(argumentOf(operand));
  return parser;
}

/** Names the value that an option has without one: commander would take the next word for it. */
function withImplied(command: Command, argv: readonly string[]): string[] {
  const implied = new Map(
    Object.values(command.options).flatMap(({ flags, implied }) =>
      implied === undefined ? [] : flags.map((flag) => [flag, `${flag}=${implied}`] as const),
    ),
  );
  return argv.map((word) => implied.get(word) ?? word);
}

/** @throws UsageError, with commander's message in one line, and without its prefix */
function parse(parser: Parser, name: string, argv: readonly string[]): void {
  try {
    parser.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const message = error.message
      .replace(/^error: /, "")
      .replace(/\.$/, "")
      .replaceAll("\n", " ");
    throw new UsageError(`${message}; see ${name} --help`);
  }
}

/**
 * Checks that a group has a first word like this one.
 * @throws UsageError, with the word that may be meant
 * @throws Asked at `--help` and `--version`
 */
export function checkWord(group: Group, name: string, word: string): void {
  const parser = emptyParser();
  for (const known of group.words) parser.command(known.word);
  parse(parser, name, [word]);
}

/** commander says how many arguments are too many, but not which. */
function checkExcess(wanted: readonly Operand[], name: string, operands: readonly string[]): void {
  const extra = operands[wanted.length];
  if (extra === undefined || wanted.at(-1)?.many) return;
  const after = wanted.length > 0 ? ` after ${wanted.map((operand) => operand.name).join(" and ")}` : "";
  throw new UsageError(`unexpected argument "${extra}"${after}; see ${name} --help`);
}

/**
 * Reads the words that follow a tool's name, by which it was called.
 * @throws UsageError for what the tool doesn't take
 * @throws Asked at `--help` and `--version`
 */
export function readCommandLine(command: Command, name: string, argv: readonly string[]): CommandLine {
  const end = command.runsCommand ? argv.indexOf("--") : -1;
  const toRun = end < 0 ? [] : argv.slice(end + 1);
  if (end >= 0 && toRun.length === 0)
    throw new UsageError(`there is no command after --; name one, or leave -- out; see ${name} --help`);
  const parser = parserOf(command);
  parse(parser, name, withImplied(command, end < 0 ? argv : argv.slice(0, end)));
  checkExcess(command.operands, name, parser.args);
  return { options: parser.opts(), operands: parser.args, command: toRun };
}
