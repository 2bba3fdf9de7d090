// SPDX-License-Identifier: MIT
// Matches names against shell patterns, in time that grows with the lengths' product at most.

type Token = "*" | ((character: string) => boolean);

/** What is between brackets: characters and ranges, negated by a leading ! or ^. */
function characterClass(text: string): Token {
  const negated = /^[!^]/.test(text);
  const ranges: [string, string][] = [];
  const characters = Array.from(negated ? text.slice(1) : text);
  for (let i = 0; i < characters.length; i++) {
    const first = characters[i] ?? "";
    const last = characters[i + 1] === "-" ? characters[i + 2] : undefined;
    ranges.push([first, last ?? first]);
    if (last !== undefined) i += 2;
  }
  return (character) => ranges.some(([first, last]) => first <= character && character <= last) !== negated;
}

function tokens(pattern: string): Token[] {
  // A ] right after the opening bracket, or after its negation, is one of the characters; a lone [ is itself.
  return Array.from(pattern.matchAll(/\[([!^][^][^\]]*|[^!^][^\]]*)\]|[^]/gu), ([text, inside]) => {
    if (inside !== undefined) return characterClass(inside);
    if (text === "*") return "*";
    return text === "?" ? () => true : (character) => character === text;
  });
}

/**
 * A predicate for names: equal to the pattern, or matched by it as a glob, where `*` matches any characters, `?` for
 * one, and `[a-z]` or `[!a-z]` for one that is, or isn't, among those.
 */
export function nameMatcher(pattern: string): (name: string) => boolean {
  const wanted = tokens(pattern);
  return (name) => name === pattern || matches(wanted, Array.from(name));
}

function matches(wanted: readonly Token[], name: readonly string[]): boolean {
  let at = 0;
  let i = 0;
  // The last star, and up to where in the name it reaches; only that one ever has to take more.
  let star = -1;
  let starEnd = 0;
  while (i < name.length) {
    const token = wanted[at];
    if (token === "*") {
      star = at++;
      starEnd = i;
    } else if (token?.(name[i] ?? "")) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++starEnd;
    } else return false;
  }
  return wanted.slice(at).every((token) => token === "*");
}
