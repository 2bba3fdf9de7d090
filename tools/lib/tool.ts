// SPDX-License-Identifier: MIT
// A tool as a value: what it is called, what it takes and what it does. Nothing of it runs until it is asked to.
import type { Status } from "./run";

/** What shells offer for a value: processes that run VMs, names of VMs, exit reasons of this host, or files. */
export type Kind = "pids" | "vms" | "reasons" | "file";

/** An option of a command line: with `value` it takes one, without it is a switch that turns its default around. */
export interface Option<V = unknown> {
  /** `-p`, `--pid`: the long one last. */
  readonly flags: readonly string[];
  /** What help calls its value. */
  readonly value?: string;
  readonly kind?: Kind;
  /** What it does, with the value's unit and range; choices and default are added to it. */
  readonly description: string;
  /** All values there are. */
  readonly choices?: readonly string[];
  /** Its value where none is given: then one can only follow `=`. */
  readonly implied?: string;
  readonly default?: V;
  /** Reads a value; `before` is what an earlier use of the option gave. @throws UsageError */
  readonly parse?: (text: string, before?: never) => V;
  /** Whether several uses add up. */
  readonly repeats?: true;
  readonly required?: true;
  /** Names of the options that can't be given with it. */
  readonly conflicts?: readonly string[];
  /** Above it and others in help; undefined for what is the tool's own. */
  readonly heading?: string;
}

/** The options of a tool by the names that its code has for them. */
export type Options = Readonly<Record<string, Option>>;

/** What options are called in help that several tools have. */
export const HEADINGS = {
  filters: "Which VMs and exits",
  output: "Output",
  limits: "Limits and advice",
  tracing: "Tracing",
  kvmtrace: "Recordings of kvmtrace itself",
} as const;

/** Options with a heading above them in help; one that has a heading keeps it. */
export function under<const T extends Options>(heading: keyof typeof HEADINGS, options: T): T {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, { heading: HEADINGS[heading], ...option }]),
  ) as Options as T;
}

type ValueOf<O> = O extends { parse: (text: string, before?: never) => infer V }
  ? V
  : O extends { choices: readonly (infer C)[] }
    ? C
    : O extends { value: string }
      ? string
      : boolean;

/** Options that always have a value: by default, by need, or because they are switches. */
type Certain<T extends Options> = {
  [K in keyof T]: T[K] extends { default: unknown } | { required: true }
    ? K
    : T[K] extends { value: string }
      ? never
      : K;
}[keyof T];

/** The values of options, as `run` gets them. */
export type OptionsOf<T extends Options> = {
  readonly [K in Certain<T>]: ValueOf<T[K]>;
} & { readonly [K in Exclude<keyof T, Certain<T>>]?: ValueOf<T[K]> };

/** An operand: it may be left out unless it is required, and the last one may be given many times. */
export interface Operand {
  readonly name: string;
  /** What it is, with its unit, range and default. */
  readonly description: string;
  readonly kind?: Kind;
  readonly required?: true;
  readonly many?: true;
}

/** What a tool is called with. */
export interface Context<O = unknown> {
  /** The words by which it was called: `kvm-vmexit count`, or `kvm-vmexit-count`. */
  readonly name: string;
  /** All that followed the name. */
  readonly argv: readonly string[];
  readonly options: O;
  readonly operands: readonly string[];
  /** The command to run, which followed `--`. */
  readonly command: readonly string[];
}

/** A word that leads to a tool, whose code is loaded when it is needed. */
export interface Word {
  readonly word: string;
  /** What it does, or the question that it answers, for a list of words. */
  readonly summary: string;
  readonly load: () => Promise<Tool>;
}

/** Arguments of an example, and what it shows. */
export type Example = readonly [line: string, what: string];

interface Described {
  /** What it does, as a sentence. */
  readonly summary: string;
  readonly examples: readonly Example[];
}

/** A tool that does something. */
export interface Command<T extends Options = Options> extends Described {
  readonly operands: readonly Operand[];
  readonly options: T;
  /** Whether `-- COMMAND` may follow. */
  readonly runsCommand?: true;
  /** Whether `run` reads `argv` itself: then it gets no options or operands, and its options are only described here. */
  readonly readsItself?: true;
  /** Lines of help after the options. */
  readonly more?: readonly string[];
  /** @throws UsageError, ToolError */
  run(context: Context<OptionsOf<T>>): Promise<Status>;
}

/** A tool that is called with a word first. */
export interface Group extends Described {
  readonly words: readonly Word[];
}

export type Tool = Command | Group;

export function isGroup(tool: Tool): tool is Group {
  return "words" in tool;
}

/** A command, whose `run` has its options' types. */
export function defineCommand<const T extends Options>(command: Command<T>): Command {
  return command;
}

/** Thrown where the command line asks for help or the version instead of a run. */
export class Asked extends Error {
  readonly what: "help" | "version";

  constructor(what: "help" | "version") {
    super(what);
    this.what = what;
  }
}
