// SPDX-License-Identifier: MIT
// Makes text from guests, processes and files safe for what it is printed to: a terminal, JSON, a spreadsheet.

// Controls (C0, DEL, C1), the line and paragraph separators, marks that reorder text, and what has no width or is
// invisible: Unicode's classes Cc, Cf, Cs, Zl and Zp, and Default_Ignorable_Code_Point. Spelled out, since \p{…} takes
// millions of instructions to compile; a test compares the two.
const UNSAFE =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class -- what this looks for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|\ud804[\udcbd\udccd]|\ud80d[\udc30-\udc3f]|\ud82f[\udca0-\udca3]|\ud834[\udd73-\udd7a]|[\udb40-\udb43][\udc00-\udfff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const unit = (text: string, at: number) => text.charCodeAt(at).toString(16);

/** `\x9b`, `\u202e`, `\u{e0041}`. */
function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

/**
 * Text from outside with every character that could steer a terminal, reorder what is printed, or is invisible, written
 * as `\xHH`, `\uHHHH` or `\u{HHHHH}`, so that it stays on its line and two different texts look different.
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** What users and strangers named or gave, for a message: a file, a VM, a value. Options are named by their flags, bare. */
export function quoted(text: string): string {
  return `"${safeText(text)}"`;
}

/** What a file to be read is called in messages; `-` is standard input. */
export function inputName(path: string): string {
  return path === "-" ? "standard input" : quoted(path);
}

/** A value as JSON in one line, with the same characters written as JSON's `\uHHHH`: what reads it gets them back. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${unit(character, at).padStart(4, "0")}`).join(
      "",
    ),
  );
}

// What a spreadsheet takes for a formula at a field's beginning; the last four are the full-width ones. A spreadsheet whose
// separator is the semicolon has further fields, and some leave out blanks.
const FORMULA = /(^|;)( *[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])/g;

/**
 * Text from outside for a field of CSV: an apostrophe comes before what a spreadsheet would take for a formula, at the
 * beginning and after semicolons.
 */
export function csvText(text: string): string {
  return text.replace(FORMULA, "$1'$2");
}
