// SPDX-License-Identifier: MIT
// What characters take on a terminal: two columns, one, or none of their own.
import { WIDE } from "./widths";

// Combining and enclosing marks, format characters, and the vowels and finals of Korean syllables join what is before them.
// A soft hyphen is seen.
const JOINING = /^(?!\u00ad)[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u;

/** Whether a character takes two columns. Half a flag takes one. */
function isWide(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  let [low, high] = [0, WIDE.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((WIDE[middle]?.[1] ?? 0) < code) low = middle + 1;
    else high = middle;
  }
  return code >= (WIDE[low]?.[0] ?? Infinity);
}

/** A line of printable text by its columns: the characters of each, "" for the second column of a wide one. */
export function cellsOf(text: string): string[] {
  const cells: string[] = [];
  let last = -1;
  for (const character of text) {
    // Of ASCII and Latin letters none is wide or joins.
    const isPlain = character < "\u0300";
    if (!isPlain && JOINING.test(character)) {
      if (last >= 0) cells[last] = `${cells[last] ?? ""}${character}`;
      continue;
    }
    last = cells.push(character) - 1;
    if (!isPlain && isWide(character)) cells.push("");
  }
  return cells;
}
