// SPDX-License-Identifier: MIT
// The flags of a regular expression, as Python writes them inside a pattern: (?i), (?s-i:…).
import { invalid, type Scanner } from "./regex-scanner";

/** The flags that change what matches in a field; `m`, `a` and `u` change nothing on one line of ASCII. */
export interface Flags {
  ignoreCase: boolean;
  dotAll: boolean;
  verbose: boolean;
}

/** `flags` with some letters turned on and others off. */
export function withFlags(flags: Flags, on: string, off: string): Flags {
  if (/[^aiLmsux]/.test(on + off)) invalid("unknown flag");
  if (on.includes("L")) invalid("LOCALE flag with a str pattern");
  if (on.includes("a") && on.includes("u")) invalid("flags a and u are incompatible");
  if (/[aLu]/.test(off)) invalid("cannot turn off flags a, u and L");
  if (Array.from(off).some((letter) => on.includes(letter))) invalid("flag turned on and off");
  const value = (letter: string, was: boolean): boolean =>
    (was || on.includes(letter)) && !off.includes(letter);
  return {
    ignoreCase: value("i", flags.ignoreCase),
    dotAll: value("s", flags.dotAll),
    verbose: value("x", flags.verbose),
  };
}

/** Takes `(?i)` and its like, which come at the very start and hold for the whole pattern. */
export function leadingFlags(scanner: Scanner): Flags {
  let flags: Flags = { ignoreCase: false, dotAll: false, verbose: false };
  for (;;) {
    if (flags.verbose) scanner.skipVerbose();
    const found = scanner.takeMatch(/^(?:\(\?#[^)]*\))*\(\?([A-Za-z]+)\)/);
    if (!found) return flags;
    flags = withFlags(flags, found[1] ?? "", "");
  }
}
