// SPDX-License-Identifier: MIT
// Takes a rule's text apart as Python 2.7 takes apart the left side of its `%` operator.

/**
 * What a conversion may name. 6 and 7 are ours, because the original reads no more than 5 data words, and so is reason:
 * the name of an exit's reason, as text.
 */
export const FIELDS = [
  "tsc",
  "reltsc",
  "event",
  "pid",
  "vcpu",
  "1",
  "2",
  "3",
  "4",
  "5",
  "6",
  "7",
  "reason",
] as const;
export type Field = (typeof FIELDS)[number];

/** One conversion, such as `%(1)08x`. */
export interface Conversion {
  /** The field, or all of them: `%s` without a name prints the whole dictionary. */
  field: Field | "all";
  left: boolean;
  plus: boolean;
  blank: boolean;
  alternate: boolean;
  zero: boolean;
  width: number;
  /** -1 where none is given. */
  precision: number;
  /** One of d x X o c s r % e E f F g G; i and u have become d. */
  type: string;
}

/** How Python fails on a rule's text. */
export type Failure =
  /** It raises a TypeError, for which the original prints the rule's text and then the dictionary of fields. */
  | { kind: "mismatch" }
  /** It raises another error, with which the original ends. */
  | { kind: "invalid"; reason: string };

/** A rule's text taken apart, up to where it fails if it does: Python converts what comes before. */
export interface Template {
  segments: (string | Conversion)[];
  failure: Failure | undefined;
}

/** Most that a width or a precision may say, so that no rule can fill the memory. */
const SIZE_LIMIT = 4096;

const NUMBER_TYPES = "diuxXoeEfFgG";
const TYPES = NUMBER_TYPES + "csr%";

function isField(name: string): name is Field {
  return (FIELDS as readonly string[]).includes(name);
}

/** The part of a text from `at` up to the parenthesis that closes the one before `at`; undefined if none does. */
function name(text: string, at: number): string | undefined {
  let depth = 1;
  for (let end = at; end < text.length; end++) {
    if (text[end] === "(") depth++;
    else if (text[end] === ")" && --depth === 0) return text.slice(at, end);
  }
  return undefined;
}

/** Takes a rule's text apart, left to right; the first thing wrong decides. */
export function parsePercent(text: string): Template {
  const segments: (string | Conversion)[] = [];
  const mismatch: Template = { segments, failure: { kind: "mismatch" } };
  const invalid = (reason: string): Template => ({ segments, failure: { kind: "invalid", reason } });
  // What a conversion without a name takes: first the dictionary itself, then what the last named %% left over.
  let unnamed: Field | "all" | undefined = "all";
  let at = 0;
  const digits = (): number => {
    const start = at;
    while (at < text.length && text.charAt(at) >= "0" && text.charAt(at) <= "9") at++;
    return start === at ? 0 : Number(text.slice(start, at));
  };
  while (at < text.length) {
    const percent = text.indexOf("%", at);
    if (percent !== at) segments.push(text.slice(at, percent < 0 ? undefined : percent));
    if (percent < 0) break;
    at = percent + 1;
    if (text[at] === "(") {
      const key = name(text, at + 1);
      if (key === undefined) return invalid("a ( is never closed");
      if (!isField(key)) return invalid(`no field is called "${key}"; there are ${FIELDS.join(", ")}`);
      unnamed = key;
      at += key.length + 2;
    }
    const flags = /^[-+ #0]*/.exec(text.slice(at))?.[0] ?? "";
    at += flags.length;
    if (text[at] === "*") return mismatch;
    const width = digits();
    let precision = -1;
    if (text[at] === ".") {
      at++;
      if (text[at] === "*") return mismatch;
      precision = digits();
    }
    if (width > SIZE_LIMIT || precision > SIZE_LIMIT)
      return invalid(`a width or precision is above ${SIZE_LIMIT}`);
    if (/^[hlL]$/.test(text.charAt(at))) at++;
    const type = text.charAt(at++);
    if (type === "") return invalid("the text ends within a conversion");
    if (type !== "%" && unnamed === undefined) return mismatch;
    if (!TYPES.includes(type)) return invalid(`"${type}" is no conversion; use d, x or o`);
    const field = unnamed ?? "all";
    if (type !== "%") unnamed = undefined;
    if ((field === "all" || field === "reason") && (NUMBER_TYPES.includes(type) || type === "c"))
      return mismatch;
    segments.push({
      field,
      left: flags.includes("-"),
      plus: flags.includes("+"),
      blank: flags.includes(" "),
      alternate: flags.includes("#"),
      zero: flags.includes("0"),
      width,
      precision,
      type: type === "i" || type === "u" ? "d" : type,
    });
  }
  return { segments, failure: undefined };
}
