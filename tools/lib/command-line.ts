// Reads a command line by a tool's options and operands.
import { UsageError } from "../../src/errors";
import { distance, nearest } from "../../src/reasons/nearest";
import { Asked, type Command, type Option } from "./tool";

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

// A mistyped word seldom begins with another letter, or has more than this wrong of all its letters.
const MAX_WRONG = 0.6;

/** A hint at what was meant, if some word is near. */
export function hint(word: string, words: readonly string[]): string {
  const initial = /^-*./.exec(word)?.[0] ?? "";
  const near = words.filter(
    (candidate) => candidate.startsWith(initial) && distance(word, candidate) <= MAX_WRONG * candidate.length,
  );
  const [meant] = nearest(word, near, 1);
  return meant === undefined ? "" : ` (Did you mean ${meant}?)`;
}

/** The name and the option of a flag. */
type Found = readonly [string, Option];

class Reader {
  readonly #command: Command;
  readonly #name: string;
  readonly #found: ReadonlyMap<string, Found>;
  readonly #values: Record<string, unknown> = {};
  readonly #given = new Set<string>();

  constructor(command: Command, name: string) {
    this.#command = command;
    this.#name = name;
    const options: Found[] = [...Object.entries(command.options), ["help", HELP], ["version", VERSION]];
    this.#found = new Map(options.flatMap((found) => found[1].flags.map((flag) => [flag, found] as const)));
    for (const [name, option] of Object.entries(command.options))
      if (option.default !== undefined || option.value === undefined)
        this.#values[name] = option.default ?? false;
  }

  #fault(what: string): never {
    throw new UsageError(`${what}; see ${this.#name} --help`);
  }

  #find(flag: string): Found {
    const found = this.#found.get(flag);
    if (found) return found;
    const long = [...this.#found.keys()].filter((known) => known.startsWith("--"));
    this.#fault(`unknown option '${flag}'${flag.startsWith("--") ? hint(flag, long) : ""}`);
  }

  #set([name, option]: Found, flag: string, text: string): void {
    if (option === HELP) throw new Asked("help");
    if (option === VERSION) throw new Asked("version");
    const before = this.#given.has(name) ? this.#values[name] : undefined;
    this.#given.add(name);
    if (option.value === undefined) this.#values[name] = option.default !== true;
    else if (option.choices && !option.choices.includes(text))
      throw new UsageError(`${flag} takes ${either(option.choices)}, not "${text}"`);
    else this.#values[name] = option.parse ? option.parse(text, before as never) : text;
  }

  #long(word: string, next: () => string | undefined): void {
    const equals = word.indexOf("=");
    const flag = equals < 0 ? word : word.slice(0, equals);
    const found = this.#find(flag);
    if (found[1].value === undefined && equals >= 0) this.#fault(`${flag} takes no value`);
    this.#take(found, flag, equals < 0 ? undefined : word.slice(equals + 1), next);
  }

  /** Letters run together, the last of which may be followed by its value. */
  #short(word: string, next: () => string | undefined): void {
    for (let at = 1; at < word.length; at++) {
      const flag = `-${word[at] ?? ""}`;
      const found = this.#find(flag);
      if (found[1].value === undefined) this.#set(found, flag, "");
      else {
        this.#take(found, flag, word.slice(at + 1) || undefined, next);
        return;
      }
    }
  }

  #take(found: Found, flag: string, text: string | undefined, next: () => string | undefined): void {
    const value = found[1].value === undefined ? "" : (text ?? found[1].implied ?? next());
    if (value === undefined) this.#fault(`${flag} needs a value`);
    this.#set(found, flag, value);
  }

  #check(operands: readonly string[]): void {
    for (const [name, option] of Object.entries(this.#command.options)) {
      if (option.required && !this.#given.has(name)) this.#fault(`${flagOf(option)} is missing`);
      for (const other of option.conflicts ?? [])
        if (this.#given.has(name) && this.#given.has(other))
          this.#fault(
            `${flagOf(option)} and ${flagOf(this.#command.options[other])} exclude each other; leave one out`,
          );
    }
    const wanted = this.#command.operands;
    const missing = wanted.find(({ required }, at) => required && operands[at] === undefined);
    if (missing) this.#fault(`${missing.name} is missing`);
    const extra = operands[wanted.length];
    if (extra === undefined || wanted.at(-1)?.many) return;
    const after = wanted.length > 0 ? ` after ${wanted.map(({ name }) => name).join(" and ")}` : "";
    this.#fault(`unexpected argument "${extra}"${after}`);
  }

  read(argv: readonly string[]): CommandLine {
    const end = argv.indexOf("--");
    const own = end < 0 ? argv : argv.slice(0, end);
    const rest = end < 0 ? [] : argv.slice(end + 1);
    const operands: string[] = [];
    for (let at = 0; at < own.length; at++) {
      const word = own[at] ?? "";
      const next = (): string | undefined => own[++at];
      if (word.startsWith("--")) this.#long(word, next);
      else if (/^-[^.\d]/.test(word)) this.#short(word, next);
      else operands.push(word);
    }
    const { runsCommand } = this.#command;
    if (runsCommand && end >= 0 && rest.length === 0)
      this.#fault("there is no command after --; name one, or leave -- out");
    if (!runsCommand) operands.push(...rest);
    this.#check(operands);
    return { options: this.#values, operands, command: runsCommand ? rest : [] };
  }
}

/** The flag by which messages name an option. */
export function flagOf(option: Option | undefined): string {
  return option?.flags.at(-1) ?? "";
}

/**
 * Reads the words that follow a tool's name, by which it was called.
 * @throws UsageError for what the tool doesn't take
 * @throws Asked at `--help` and `--version`
 */
export function readCommandLine(command: Command, name: string, argv: readonly string[]): CommandLine {
  return new Reader(command, name).read(argv);
}
