// SPDX-License-Identifier: MIT
// A command line read as Python's argparse (3.11) reads kvm_stat's: what is an option, what its value, and what is refused.
import { UsageError } from "../errors";

/** An option as its parser sees it. */
export interface OptionForm {
  /** With their dashes; the first one names the option. */
  names: readonly string[];
  takesValue: boolean;
  /** Not one of kvm_stat's: a beginning of a long name means it only where no option of kvm_stat begins so. */
  added?: boolean;
}

/** What a word is: an option with what follows `=` or its letter, or neither an option nor a value. */
type Word = { option: OptionForm; long: boolean; value: string | undefined } | "value" | "unknown";

/** Text as Python's repr() quotes it, except for characters that can't be printed. */
export function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + text.replace(quote === "'" ? /[\\']/g : /\\/g, "\\$&") + quote;
}

function fault(option: OptionForm, what: string): never {
  throw new UsageError(`argument ${option.names.join("/")}: ${what}`);
}

function named(name: string, options: readonly OptionForm[]): OptionForm | undefined {
  return options.find((option) => option.names.includes(name));
}

/** The option whose long name begins with `beginning`. @throws UsageError if there are several */
function begun(beginning: string, word: string, options: readonly OptionForm[]): OptionForm | undefined {
  const found = options.flatMap((option) =>
    option.names.filter((name) => name.startsWith(beginning)).map((name) => ({ option, name })),
  );
  if (found.length > 1)
    throw new UsageError(`ambiguous option: ${word} could match ${found.map(({ name }) => name).join(", ")}`);
  return found[0]?.option;
}

function classify(word: string, options: readonly OptionForm[]): Word {
  if (!word.startsWith("-") || word === "-") return "value";
  const long = word.startsWith("--");
  const exact = named(word, options);
  if (exact) return { option: exact, long, value: undefined };
  const equals = word.indexOf("=");
  const beginning = equals < 0 ? word : word.slice(0, equals);
  const assigned = equals < 0 ? undefined : word.slice(equals + 1);
  const whole = named(beginning, options);
  if (whole) return { option: whole, long, value: assigned };
  if (long) {
    const [theirs, added] = [false, true].map((is) => options.filter((option) => !!option.added === is));
    const option = begun(beginning, word, theirs ?? []) ?? begun(beginning, word, added ?? []);
    if (option) return { option, long, value: assigned };
  } else {
    const option = named(word.slice(0, 2), options);
    if (option) return { option, long, value: word.slice(2) };
  }
  return word.includes(" ") ? "value" : "unknown";
}

/**
 * Calls `take` for each option of a command line, in order and as soon as it is read: long options may be shortened,
 * short ones run together, values are words of their own, or follow `=` or the letter. What `take` throws comes before faults of
 * later words, but not before ambiguous ones.
 * @throws UsageError for what argparse refuses, in its words
 */
export function readArguments(
  argv: readonly string[],
  options: readonly OptionForm[],
  take: (option: OptionForm, value: string) => void,
): void {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const words = argv.map((word, at): Word => (at < end ? classify(word, options) : "value"));
  const others: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = words[at];
    if (typeof word !== "object") {
      others.push(argv[at] ?? "");
      continue;
    }
    let { option, value } = word;
    const letters: OptionForm[] = [];
    // What follows a letter that takes no value is more letters.
    while (!option.takesValue && value !== undefined) {
      const next = word.long || value === "" ? undefined : named(`-${Array.from(value)[0] ?? ""}`, options);
      if (!next) fault(option, `ignored explicit argument ${quoted(value)}`);
      letters.push(option);
      option = next;
      value = value.length > 1 ? value.slice(1) : undefined;
    }
    if (option.takesValue && value === undefined) {
      at++;
      value = at === end || words[at] !== "value" ? fault(option, "expected one argument") : argv[at];
    }
    for (const letter of letters) take(letter, "");
    take(option, value ?? "");
  }
  if (others.length > 0) throw new UsageError(`unrecognized arguments: ${others.join(" ")}`);
}
