// SPDX-License-Identifier: MIT
// What matches one character in a regular expression: literals, escapes and sets, from Python's form to JavaScript's.
import { invalid, untranslatable, type Scanner } from "./regex-scanner";

const ESCAPES: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, "\\": 92 };

/** Whether `\letter` means a category of characters, written the same in both languages. */
export function isCategory(letter: string): boolean {
  return /^[dDsSwW]$/.test(letter);
}

function written(code: number): string {
  const character = String.fromCodePoint(code);
  return /^[A-Za-z0-9_ ]$/.test(character) ? character : `\\u{${code.toString(16)}}`;
}

/** A character in all its cases, because Node 20 has no syntax for ignoring case in a part of a pattern. */
function cases(code: number): number[] {
  const character = String.fromCodePoint(code);
  const lower = character.toLowerCase();
  const upper = character.toUpperCase();
  const all = [character, lower, upper, lower.toUpperCase(), upper.toLowerCase()];
  const single = all.filter((other) => Array.from(other).length === 1);
  return [...new Set(single.map((other) => other.codePointAt(0) ?? code))];
}

/** The JavaScript for the character with this code. */
export function literal(code: number, ignoreCase: boolean): string {
  const codes = ignoreCase ? cases(code) : [code];
  return codes.length > 1 ? `[${codes.map(written).join("")}]` : written(code);
}

/** The code of an octal escape whose first digit was taken, of three digits at most. */
export function octalEscape(scanner: Scanner, first: string): number {
  const code = parseInt(first + (scanner.takeMatch(/^[0-7]{1,2}/)?.[0] ?? ""), 8);
  if (code > 0o377) invalid("octal escape value outside of range 0-0o377");
  return code;
}

/** The code that an escape means, its letter already taken; other characters mean themselves. */
export function characterEscape(scanner: Scanner, letter: string): number {
  const digits = { x: 2, u: 4, U: 8 }[letter];
  if (digits !== undefined) {
    const hex = scanner.takeMatch(new RegExp(`^[0-9a-fA-F]{${String(digits)}}`))?.[0] ?? "";
    const code = parseInt(hex, 16);
    if (hex === "" || code > 0x10ffff) invalid("incomplete escape");
    return code;
  }
  if (letter === "N") untranslatable("a character's name (\\N{…})");
  const code = ESCAPES[letter] ?? letter.codePointAt(0) ?? 0;
  if (/[A-Za-z]/.test(letter) && ESCAPES[letter] === undefined) invalid(`bad escape \\${letter}`);
  return code;
}

/** A member of a set: a character's code, or a category. */
function member(scanner: Scanner): number | string {
  const character = scanner.next();
  if (character === undefined) invalid("unterminated character set");
  if (character !== "\\") return character.codePointAt(0) ?? 0;
  const escaped = scanner.next();
  if (escaped === undefined) invalid("bad escape (end of pattern)");
  if (isCategory(escaped)) return `\\${escaped}`;
  if (/[0-7]/.test(escaped)) return octalEscape(scanner, escaped);
  if (/[89]/.test(escaped)) invalid(`bad escape \\${escaped}`);
  return characterEscape(scanner, escaped);
}

function range(low: number, high: number, ignoreCase: boolean): string {
  if (low === high) return (ignoreCase ? cases(low) : [low]).map(written).join("");
  let text = `${written(low)}-${written(high)}`;
  // Fields are ASCII, so only ASCII letters need their other case.
  if (ignoreCase)
    for (let code = Math.max(low, 65); code <= Math.min(high, 122); code++)
      text += cases(code).map(written).join("");
  return text;
}

/** The JavaScript for a set whose `[` was taken. */
export function characterSet(scanner: Scanner, ignoreCase: boolean): string {
  const negated = scanner.take("^");
  let members = "";
  for (let first = true; first || !scanner.take("]"); first = false) {
    const low = member(scanner);
    if (scanner.peek() === "-" && scanner.peek(1) !== "]" && scanner.peek(1) !== "") {
      scanner.next();
      const high = member(scanner);
      if (typeof low === "string" || typeof high === "string" || high < low) invalid("bad character range");
      members += range(low, high, ignoreCase);
    } else members += typeof low === "string" ? low : range(low, low, ignoreCase);
  }
  return `[${negated ? "^" : ""}${members}]`;
}
