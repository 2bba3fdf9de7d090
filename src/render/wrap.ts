// SPDX-License-Identifier: MIT
// Text in lines of a width.

/** A text in lines of at most `width`; words that are longer have a line of their own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** The same after a label, with all lines at one indent. */
export function labelled(label: string, indent: number, text: string, width: number): string[] {
  return wrap(text, width - indent).map((line, i) => `${(i === 0 ? label : "").padEnd(indent)}${line}`);
}
