// SPDX-License-Identifier: MIT
// Reads a regular expression character by character, and tells its two kinds of failure apart.
import { UsageError } from "../errors";

/** The pattern is no regular expression for Python either. */
export class InvalidRegex extends Error {
  override readonly name = "InvalidRegex";
}

export function invalid(why: string): never {
  throw new InvalidRegex(why);
}

/** For what Python has and JavaScript has no equal of. */
export function untranslatable(what: string): never {
  throw new UsageError(`the regular expression uses ${what}, which kvm-stat cannot do; write it without`);
}

/** A place in a pattern. Characters are code points, as in Python. */
export class Scanner {
  readonly #characters: string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  /** The character `ahead` places on, "" past the end. */
  peek(ahead = 0): string {
    return this.#characters[this.#at + ahead] ?? "";
  }

  /** Takes one character, undefined at the end. */
  next(): string | undefined {
    return this.#characters[this.#at++];
  }

  /** Takes `text` if it comes next. */
  take(text: string): boolean {
    const here = this.#characters.slice(this.#at, this.#at + text.length).join("");
    if (here !== text) return false;
    this.#at += text.length;
    return true;
  }

  /** Takes what `pattern`, anchored at its start and of ASCII characters only, matches here. */
  takeMatch(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(this.#characters.slice(this.#at).join(""));
    if (!found) return undefined;
    this.#at += found[0].length;
    return found;
  }

  takeWhile(allowed: (character: string) => boolean): string {
    let text = "";
    for (; this.peek() !== "" && allowed(this.peek()); this.#at++) text += this.peek();
    return text;
  }

  /** Skips the white space and comments that mean nothing under `(?x)`. */
  skipVerbose(): void {
    for (;;) {
      if (/^[ \t\n\r\v\f]/.test(this.peek())) this.#at++;
      else if (this.peek() === "#") this.takeWhile((character) => character !== "\n");
      else return;
    }
  }
}
