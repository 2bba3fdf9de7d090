// SPDX-License-Identifier: MIT
// Turns the regular expressions that users write for Python's re.match into JavaScript's, or says why it can't.
import { characterEscape, characterSet, isCategory, literal, octalEscape } from "./regex-characters";
import { leadingFlags, withFlags, type Flags } from "./regex-flags";
import { Scanner, invalid, untranslatable } from "./regex-scanner";

/** A piece of the pattern in JavaScript, with the least and the greatest number of characters that it matches. */
interface Piece {
  js: string;
  min: number;
  max: number;
  /** Python repeats atoms only. */
  kind: "atom" | "anchor" | "repeat";
  /** How many groups had been opened before this piece. */
  firstGroup: number;
}

interface Group {
  /** What it is called in the JavaScript pattern. */
  jsName: string;
  open: boolean;
  /** Whether every match that comes past this point has set it: only then do the languages agree on `\1`. */
  sure: boolean;
  min: number;
  max: number;
}

// Python's largest repeat count; above it re.compile fails.
const MAX_REPEAT = 4294967295;

class Parser {
  readonly #scanner: Scanner;
  readonly #groups: Group[] = [];
  readonly #names = new Map<string, number>();
  #atomicGroups = 0;
  /** The number of groups before the outermost look-behind that is open. */
  #lookBehindFrom: number | undefined;

  constructor(pattern: string) {
    this.#scanner = new Scanner(pattern);
  }

  translate(): string {
    const body = this.#alternatives(leadingFlags(this.#scanner));
    if (this.#scanner.peek() !== "") invalid("unbalanced parenthesis");
    return body.js;
  }

  #piece(js: string, width: number, kind: Piece["kind"] = "atom"): Piece {
    return { js, min: width, max: width, kind, firstGroup: this.#groups.length };
  }

  #alternatives(flags: Flags): Piece {
    const firstGroup = this.#groups.length;
    const branches = [this.#sequence(flags)];
    while (this.#scanner.take("|")) {
      this.#doubt(firstGroup);
      branches.push(this.#sequence(flags));
    }
    if (branches.length > 1) this.#doubt(firstGroup);
    return {
      js: branches.map((branch) => branch.js).join("|"),
      min: Math.min(...branches.map((branch) => branch.min)),
      max: Math.max(...branches.map((branch) => branch.max)),
      kind: "atom",
      firstGroup,
    };
  }

  /** Marks the groups opened since `firstGroup` as possibly unset from here on. */
  #doubt(firstGroup: number): void {
    for (const group of this.#groups.slice(firstGroup)) group.sure = false;
  }

  #sequence(flags: Flags): Piece {
    const firstGroup = this.#groups.length;
    const pieces: Piece[] = [];
    for (;;) {
      if (flags.verbose) this.#scanner.skipVerbose();
      if (["", "|", ")"].includes(this.#scanner.peek())) break;
      const bounds = this.#bounds();
      const piece = bounds ? this.#repeated(pieces.pop(), bounds) : this.#atom(flags);
      if (piece) pieces.push(piece);
    }
    return {
      js: pieces.map((piece) => piece.js).join(""),
      min: pieces.reduce((sum, piece) => sum + piece.min, 0),
      max: pieces.reduce((sum, piece) => sum + piece.max, 0),
      kind: "atom",
      firstGroup,
    };
  }

  /** The bounds of a repetition at this place; a `{` that opens none is a plain character, as in Python. */
  #bounds(): [min: number, max: number] | undefined {
    if (this.#scanner.take("*")) return [0, Infinity];
    if (this.#scanner.take("+")) return [1, Infinity];
    if (this.#scanner.take("?")) return [0, 1];
    const braces = this.#scanner.takeMatch(/^\{(?!\})(\d*)(?:(,)(\d*))?\}/);
    if (!braces) return undefined;
    const [, low = "", comma, high = ""] = braces;
    const min = Number(low);
    const max = comma === undefined ? min : high === "" ? Infinity : Number(high);
    if ([min, max].some((count) => count !== Infinity && count >= MAX_REPEAT))
      invalid("repeat count too large");
    if (max < min) invalid("min repeat greater than max repeat");
    return [min, max];
  }

  #repeated(piece: Piece | undefined, [min, max]: [min: number, max: number]): Piece {
    if (!piece || piece.kind === "anchor") invalid("nothing to repeat");
    if (piece.kind === "repeat") invalid("multiple repeat");
    if (min === 0) this.#doubt(piece.firstGroup);
    const lazy = this.#scanner.take("?");
    const possessive = !lazy && this.#scanner.take("+");
    const js = `(?:${piece.js}){${String(min)},${max === Infinity ? "" : String(max)}}${lazy ? "?" : ""}`;
    return {
      js: possessive ? this.#atomic(js, piece.firstGroup) : js,
      min: piece.min * min,
      max: piece.max === 0 ? 0 : piece.max * max,
      kind: "repeat",
      firstGroup: piece.firstGroup,
    };
  }

  /** A group that gives nothing back once it matched: the same holds for a look-ahead, whose text then is taken. */
  #atomic(js: string, firstGroup: number): string {
    if (this.#groups.length > firstGroup) untranslatable("a capturing group in an atomic or possessive one");
    if (this.#lookBehindFrom !== undefined) untranslatable("an atomic or possessive group in a look-behind");
    const name = `atomic${String(++this.#atomicGroups)}`;
    return `(?=(?<${name}>${js}))\\k<${name}>`;
  }

  /** The next piece; none for a comment. */
  #atom(flags: Flags): Piece | undefined {
    const character = this.#scanner.next() ?? "";
    if (character === "\\") return this.#escape(flags);
    if (character === ".") return this.#piece(flags.dotAll ? "[^]" : "[^\\n]", 1);
    // A field has one line, so (?m) changes neither of these.
    if (character === "^") return this.#piece("(?<![^])", 0, "anchor");
    if (character === "$") return this.#piece("(?![^])", 0, "anchor");
    if (character === "[") return this.#piece(characterSet(this.#scanner, flags.ignoreCase), 1);
    if (character === "(") return this.#group(flags);
    return this.#piece(literal(character.codePointAt(0) ?? 0, flags.ignoreCase), 1);
  }

  #escape(flags: Flags): Piece {
    const letter = this.#scanner.next();
    if (letter === undefined) invalid("bad escape (end of pattern)");
    if (letter === "A") return this.#piece("(?<![^])", 0, "anchor");
    if (letter === "Z") return this.#piece("(?![^])", 0, "anchor");
    if (letter === "b" || letter === "B") return this.#piece(`\\${letter}`, 0, "anchor");
    if (isCategory(letter)) return this.#piece(`\\${letter}`, 1);
    const octal = letter === "0" || /^[0-7]{3}$/.test(letter + this.#scanner.peek() + this.#scanner.peek(1));
    if (/[1-9]/.test(letter) && !octal)
      return this.#backReference(Number(letter + (this.#scanner.takeMatch(/^\d/)?.[0] ?? "")), flags);
    const code = octal ? octalEscape(this.#scanner, letter) : characterEscape(this.#scanner, letter);
    return this.#piece(literal(code, flags.ignoreCase), 1);
  }

  #backReference(number: number, flags: Flags): Piece {
    const group = this.#groups[number - 1];
    if (!group) invalid("invalid group reference");
    if (group.open) invalid("cannot refer to an open group");
    if (this.#lookBehindFrom !== undefined && number > this.#lookBehindFrom)
      invalid("cannot refer to group defined in the same lookbehind subpattern");
    // Python's \1 fails while group 1 is unset; JavaScript's matches nothing.
    if (!group.sure) untranslatable("a reference to a group that may be unset");
    if (flags.ignoreCase) untranslatable("a reference to a group under (?i)");
    return { ...this.#piece(`\\k<${group.jsName}>`, 0), min: group.min, max: group.max };
  }

  #group(flags: Flags): Piece | undefined {
    const scanner = this.#scanner;
    if (!scanner.take("?")) return this.#capture(flags, undefined);
    if (scanner.take("P<")) return this.#capture(flags, this.#groupName(">"));
    if (scanner.take("P=")) {
      const number = this.#names.get(this.#groupName(")"));
      return number === undefined ? invalid("unknown group name") : this.#backReference(number, flags);
    }
    if (scanner.take("#")) {
      scanner.takeWhile((character) => character !== ")");
      return scanner.take(")") ? undefined : invalid("missing ), unterminated comment");
    }
    if (scanner.take("(")) return untranslatable("a conditional group ((?(…)…))");
    if (scanner.take(">")) {
      const inner = this.#inner(flags);
      return { ...inner, js: this.#atomic(inner.js, inner.firstGroup) };
    }
    const look = scanner.takeMatch(/^(<?)([=!])/);
    if (look) return this.#lookAround(flags, look[1] === "<", look[2] === "!");
    return this.#flaggedGroup(flags);
  }

  #groupName(end: string): string {
    const name = this.#scanner.takeWhile((character) => character !== end);
    if (!this.#scanner.take(end)) invalid("unterminated group name");
    if (!/^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(name)) invalid("bad character in group name");
    return name;
  }

  /** The text between a group's opening, already taken, and its `)`. */
  #inner(flags: Flags): Piece {
    const inner = this.#alternatives(flags);
    if (!this.#scanner.take(")")) invalid("missing ), unterminated subpattern");
    return inner;
  }

  #capture(flags: Flags, name: string | undefined): Piece {
    const firstGroup = this.#groups.length;
    const jsName = `group${String(firstGroup + 1)}`;
    const group = { jsName, open: true, sure: true, min: 0, max: Infinity };
    this.#groups.push(group);
    if (name !== undefined) {
      if (this.#names.has(name)) invalid("redefinition of group name");
      this.#names.set(name, this.#groups.length);
    }
    const inner = this.#inner(flags);
    Object.assign(group, { open: false, min: inner.min, max: inner.max });
    return { ...inner, js: `(?<${jsName}>${inner.js})`, firstGroup };
  }

  #lookAround(flags: Flags, behind: boolean, negative: boolean): Piece {
    const outer = this.#lookBehindFrom;
    if (behind) this.#lookBehindFrom ??= this.#groups.length;
    const inner = this.#inner(flags);
    this.#lookBehindFrom = outer;
    if (behind && inner.min !== inner.max) invalid("look-behind requires fixed-width pattern");
    if (negative) this.#doubt(inner.firstGroup);
    const opening = (behind ? "?<" : "?") + (negative ? "!" : "=");
    return { ...inner, js: `(${opening}${inner.js})`, min: 0, max: 0 };
  }

  /** `(?:…)`, or `(?i-s:…)`. */
  #flaggedGroup(flags: Flags): Piece {
    const [, on = "", off] = this.#scanner.takeMatch(/^([A-Za-z]*)(?:-([A-Za-z]+))?/) ?? [];
    if (off === undefined && on !== "" && this.#scanner.peek() === ")")
      invalid("global flags not at the start");
    if (!this.#scanner.take(":")) invalid("unknown extension");
    const inner = this.#inner(withFlags(flags, on, off ?? ""));
    return { ...inner, js: `(?:${inner.js})` };
  }
}

/**
 * The JavaScript expression that matches a field exactly when Python's `re.match(pattern, field)` does: anchored
 * at the field's start, not at its end. Fields are taken to be ASCII without line feeds.
 * @throws InvalidRegex if Python refuses the pattern too
 * @throws UsageError if it is valid but uses what JavaScript has no equal of
 */
export function pythonMatch(pattern: string): RegExp {
  return new RegExp(`^(?:${new Parser(pattern).translate()})`, "u");
}
