// SPDX-License-Identifier: MIT
// Reads a definitions file: for each event id the text, with %(field)d conversions, that formats its records.
//
// Text is handled as bytes (latin1 strings), so that whatever the file holds comes out unchanged.
import { UsageError } from "../errors";
import { quoted } from "../text";

/** One rule: its text in the file, and its line there, from 1. */
export interface Rule {
  text: string;
  line: number;
}

/** The rule of this event formats every event that has none of its own. */
export const DEFAULT_EVENT = 0;

/** Most bytes of a rule. */
const MAX_RULE = 1 << 16;

// An event id, white space, text; white space as in the C locale, and the line may end in one.
const LINE = /^([^ \t\n\r\f\v]+)[ \t\r\f\v]+([^ \t\n\r\f\v].*)$/s;
const DECIMAL = /^(0|[1-9][0-9]*)[lL]?$/;
const RADIX = /^(0x[0-9a-f]+|0o[0-7]+|0b[01]+)l?$/i;
const OLD_OCTAL = /^0([0-7]+)[lL]?$/;

/** An integer as Python 2 writes one: 65537, 0x10001, 0o200001, 0200001, 0b1, each with or without an L after it. */
function integer(text: string): number | undefined {
  if (DECIMAL.test(text)) return parseInt(text, 10);
  if (RADIX.test(text)) return Number(text.replace(/l$/i, ""));
  const octal = OLD_OCTAL.exec(text)?.[1];
  return octal === undefined ? undefined : parseInt(octal, 8);
}

/**
 * The rules of a definitions file, by event id; of two rules for one event the later counts. Empty lines and lines
 * that begin with `#` are passed over.
 * @param content the file's bytes as a latin1 string
 * @param name what messages call the file
 * @throws UsageError naming the line
 */
export function parseDefinitions(content: string, name: string): Map<number, Rule> {
  const rules = new Map<number, Rule>();
  for (const [index, line] of content.split("\n").entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const at = `${name}:${index + 1}`;
    if (line.length > MAX_RULE)
      throw new UsageError(`${at}: the rule has ${line.length} bytes; shorten it to ${MAX_RULE}`);
    const match = LINE.exec(line);
    if (!match?.[1] || !match[2]) {
      throw new UsageError(
        `${at}: not a rule; write an event id, a space and a format, or begin a comment with #`,
      );
    }
    const event = integer(match[1]);
    if (event === undefined) {
      throw new UsageError(`${at}: ${quoted(match[1])} is no event id; write a number such as 0x00010001`);
    }
    rules.set(event, { text: match[2], line: index + 1 });
  }
  return rules;
}
