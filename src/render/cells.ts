// What characters take on a terminal: two columns, one, or none of their own.

// Combining and enclosing marks, format characters, and the vowels and finals of Korean syllables join what is before them.
// A soft hyphen is seen.
const JOINING = /^(?!\u00ad)[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u;

// East_Asian_Width Wide and Fullwidth, by Unicode's blocks (UAX #11), and what is shown as an emoji by itself. Half a flag
// has one column.
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{20000}-\u{3fffd}]|(?!\p{RI})\p{Emoji_Presentation})$/u;

/** A line of printable text by its columns: the characters of each, "" for the second column of a wide one. */
export function cellsOf(text: string): string[] {
  const cells: string[] = [];
  let last = -1;
  for (const character of text) {
    if (JOINING.test(character)) {
      if (last >= 0) cells[last] = `${cells[last] ?? ""}${character}`;
      continue;
    }
    last = cells.push(character) - 1;
    if (WIDE.test(character)) cells.push("");
  }
  return cells;
}
