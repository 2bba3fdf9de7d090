// SPDX-License-Identifier: MIT
// Writes src/render/widths.ts: the characters of two columns, from Unicode's data in get-east-asian-width. usage: widths.mjs [--check]
// A later Unicode comes with a later version of that package.
import { readFileSync, writeFileSync } from "node:fs";
import { eastAsianWidth } from "get-east-asian-width";

const TO = "src/render/widths.ts";
const LAST = 0x10ffff;

/** The first and the last of each range of code points that are wide. */
function ranges() {
  const found = [];
  for (let code = 0; code <= LAST; code++) {
    if (eastAsianWidth(code) !== 2) continue;
    const range = found.at(-1);
    if (range?.[1] === code - 1) range[1] = code;
    else found.push([code, code]);
  }
  return found;
}

const hex = (code) => `0x${code.toString(16)}`;
const text = `// SPDX-License-Identifier: MIT
// Made by packaging/widths.mjs.

/** First and last code point of each range of characters of two columns: East_Asian_Width Wide and Fullwidth (UAX #11). */
// prettier-ignore
export const WIDE: readonly (readonly [first: number, last: number])[] = [
${ranges()
  .map(([first, last]) => `  [${hex(first)}, ${hex(last)}],`)
  .join("\n")}
];
`;

if (process.argv[2] !== "--check") writeFileSync(TO, text);
else if (readFileSync(TO, "utf8") !== text) {
  console.error(`${TO} isn't what packaging/widths.mjs makes of Unicode's data: run make`);
  process.exitCode = 1;
}
