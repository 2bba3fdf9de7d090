// kvm_stat's command line: what its parser makes of the words, and the checks that it makes before it starts.
import { UsageError } from "../errors";
import { floatText, parseFloating, parseInteger } from "./numbers";
import { pythonMatch } from "./python-regex";
import { InvalidRegex } from "./regex-scanner";
import type { FieldFilter } from "./provider";

export const DELAY_DEFAULT = 3;
const MIN_DELAY = 0.1;
const MAX_DELAY = 25.5;
export const DELAY_RANGE = `${String(MIN_DELAY)}-${String(MAX_DELAY)} secs`;

export interface StatOptions {
  once: boolean;
  csv: boolean;
  debugfs: boolean;
  /** A Python regular expression; "" for all fields. */
  fields: string;
  debugfsIncludePast: boolean;
  log: boolean;
  /** The file to log to; "" for none. */
  logToFile: string;
  /** 0 for all processes. */
  pid: number;
  /** Seconds between refreshes. */
  setDelay: number;
  tracepoints: boolean;
  skipZeroRecords: boolean;
  overhead: boolean;
}

/** What kvm_stat ends with on a request that it can't serve: its own words, and status 1. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** An option as its parser sees it. */
export interface OptionForm {
  /** With their dashes. */
  names: readonly string[];
  takesValue: boolean;
}

function named(option: OptionForm): string {
  return `argument ${option.names.join("/")}`;
}

/** The option that a word names in full or, from two dashes on, by its beginning. */
function findOption(word: string, options: readonly OptionForm[]): OptionForm | undefined {
  const all = options.flatMap((option) => option.names.map((name): [OptionForm, string] => [option, name]));
  const exact = all.find(([, name]) => name === word);
  if (exact || !word.startsWith("--")) return exact?.[0];
  const begun = all.filter(([, name]) => name.startsWith(word));
  if (begun.length > 1)
    throw new UsageError(`ambiguous option: ${word} could match ${begun.map(([, name]) => name).join(", ")}`);
  return begun[0]?.[0];
}

/** The next word as the value of `option`; words that look like options are none. */
function takeValue(words: string[], option: OptionForm): string {
  const value = words.shift();
  if (value === undefined || (value.startsWith("-") && value !== "-"))
    throw new UsageError(`${named(option)}: expected one argument`);
  return value;
}

/**
 * The words of a command line as kvm_stat's parser reads them, each option by its first name and each value a word
 * of its own: long options may be shortened, short ones run together, values stand apart, after `=` or after the letter.
 * @throws UsageError for what that parser refuses
 */
export function readWords(
  words: readonly string[],
  options: readonly OptionForm[],
): [name: string, value: string][] {
  const rest = [...words];
  const read: [string, string][] = [];
  const others: string[] = [];
  const take = (option: OptionForm, value: string | undefined): void => {
    read.push([option.names[0] ?? "", option.takesValue ? (value ?? takeValue(rest, option)) : ""]);
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      others.push(word, ...rest.splice(0));
      break;
    }
    const equals = word.indexOf("=");
    const short = /^-[^-]./su.test(word);
    const exact = findOption(word, options);
    const assigned = equals > 0 ? findOption(word.slice(0, equals), options) : undefined;
    let option = exact ?? assigned ?? (short ? findOption(word.slice(0, 2), options) : undefined);
    let value = exact ? undefined : word.slice(assigned ? equals + 1 : 2);
    // What follows a letter that takes no value is more letters.
    while (option && !option.takesValue && value !== undefined) {
      const next = short && value !== "" ? findOption(`-${value.slice(0, 1)}`, options) : undefined;
      if (!next) throw new UsageError(`${named(option)}: ignored explicit argument '${value}'`);
      take(option, undefined);
      option = next;
      value = value.length > 1 ? value.slice(1) : undefined;
    }
    if (option) take(option, value);
    else others.push(word);
  }
  if (others.length > 0) throw new UsageError(`unrecognized arguments: ${others.join(" ")}`);
  return read;
}

export function readInteger(text: string, what: string): number {
  return parseInteger(text) ?? invalidValue("int", text, what);
}

export function readFloating(text: string, what: string): number {
  return parseFloating(text) ?? invalidValue("float", text, what);
}

function invalidValue(type: string, text: string, what: string): never {
  throw new UsageError(`argument ${what}: invalid ${type} value: '${text}'`);
}

/** What is wrong with a delay, undefined if nothing is. */
export function delayFault(delay: number): string | undefined {
  if (delay > MAX_DELAY) return `"${floatText(delay)}": Delay must be <=${String(MAX_DELAY)}`;
  // Not a number is no delay either.
  return delay >= MIN_DELAY ? undefined : `"${floatText(delay)}": Delay must be >=${String(MIN_DELAY)}`;
}

/**
 * The fields that a Python regular expression selects.
 * @throws InvalidRegex, UsageError as pythonMatch does
 */
export function fieldFilter(pattern: string): FieldFilter {
  if (pattern === "") return () => true;
  const expression = pythonMatch(pattern);
  return (field) => expression.test(field);
}

/**
 * Makes kvm_stat's checks, in its order.
 * @throws Refusal in kvm_stat's words
 * @throws UsageError for a regular expression that Python knows and JavaScript doesn't
 */
export function checkOptions(options: StatOptions, isRunning: (pid: number) => boolean): void {
  const logs = options.log || options.logToFile !== "";
  if (options.csv && !logs) throw new Refusal("Error: Option -c/--csv requires -l/--log");
  if (options.skipZeroRecords && !logs)
    throw new Refusal("Error: Option -z/--skip-zero-records requires -l/-L");
  try {
    fieldFilter(options.fields);
  } catch (error) {
    if (!(error instanceof InvalidRegex)) throw error;
    throw new Refusal(`Error: "${options.fields}" is not a valid regular expression`);
  }
  if (options.pid !== 0 && !isRunning(options.pid))
    throw new Refusal("Did you use a (unsupported) tid instead of a pid?\nSpecified pid does not exist.");
  const fault = delayFault(options.setDelay);
  if (fault !== undefined) throw new Refusal(`Error: ${fault}`);
}
