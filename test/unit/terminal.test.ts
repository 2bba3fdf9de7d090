// SPDX-License-Identifier: MIT
// Keys in a terminal's input, and the bytes that bring a frame onto it.
import assert from "node:assert/strict";
import test from "node:test";
import type { Frame } from "../../src/screen/frame";
import { drawing, keysIn } from "../../tools/lib/terminal";

test("keys are characters and names; a cursor key is one key", () => {
  assert.deepEqual(keysIn("aé\r\x7f\x15\x03\x1a\x1b[A\x1bOP\x1b[1;5Dx\x1bb\x1b\t\x1b"), [
    "a",
    "é",
    "enter",
    "backspace",
    "kill",
    "interrupt",
    "suspend",
    "up",
    ...Array<string>(2).fill("sequence"),
    "x",
    ...Array<string>(2).fill("sequence"),
    "escape",
  ]);
  assert.deepEqual(keysIn("\x1bOA\x1b[B\x1b[C\x1bOD\x1b[H\x1b[4~\x1b[3~\x1b[5~\x1b[6~\t"), [
    "up",
    "down",
    "right",
    "left",
    "home",
    "end",
    "delete",
    "pageup",
    "pagedown",
    "tab",
  ]);
  assert.deepEqual(keysIn(""), []);
});

const frame = (text: string): Frame => ({
  pieces: [
    { row: 0, column: 1, text: "plain", style: "plain" },
    { row: 0, column: 4, text: "bold", style: "bold" },
    { row: 1, column: 0, text, style: "plain" },
    { row: 9, column: 0, text: "below the screen", style: "plain" },
  ],
});
const SIZE = { rows: 3, columns: 7 };

/** The first row of a screen of 7 columns, without its styles. */
const firstRow = (...pieces: [column: number, text: string][]): string =>
  drawing(
    { pieces: pieces.map(([column, text]) => ({ row: 0, column, text, style: "plain" })) },
    { rows: 1, columns: 7 },
    [],
  )
    // eslint-disable-next-line no-control-regex -- escape sequences are what this removes
    .replace(/\x1b\[\??[\d;]*[A-Za-z]/g, "");

test("wide characters take two columns, marks none, and no half of one is left", () => {
  assert.equal(firstRow([0, "ab日本語"]), "ab日本 ");
  assert.equal(firstRow([0, "abc日本語"]), "abc日本");
  assert.equal(firstRow([0, "e\u0301a\u0308bcdefgh"]), "e\u0301a\u0308bcdef");
  assert.equal(firstRow([0, "日本語"], [1, "xy"]), " xy 語");
  assert.equal(firstRow([0, "日本語"], [2, "xy"]), "日xy語");
  assert.equal(firstRow([0, "日本語"], [8, "out of sight"]), "日本語 ");
  assert.equal(firstRow([5, "🙂🙂"]), "     🙂");
});

test("a frame is drawn in one go, later pieces over earlier, cut at the edges", () => {
  const shown: string[] = [];
  assert.equal(
    drawing(frame("x"), SIZE, shown),
    "\x1b[?2026h\x1b[?25l" +
      "\x1b[1;1H\x1b[0m\x1b[K\x1b[0m pla\x1b[0;1mbol\x1b[0m" +
      "\x1b[2;1H\x1b[0m\x1b[K\x1b[0mx\x1b[0m" +
      "\x1b[3;1H\x1b[0m\x1b[K\x1b[0m\x1b[0m" +
      "\x1b[?2026l",
  );
  assert.equal(
    drawing(frame("y"), SIZE, shown),
    "\x1b[?2026h\x1b[?25l\x1b[2;1H\x1b[0m\x1b[K\x1b[0my\x1b[0m\x1b[?2026l",
    "only the row that changed",
  );
});

test("no style is a colour, so that NO_COLOR has nothing to leave out", () => {
  const styles = ["plain", "bold", "standout", "underline", "alarm"] as const;
  const pieces = styles.map((style, row) => ({ row, column: 0, text: "x", style }));
  const text = drawing({ pieces }, { rows: 9, columns: 9 }, []);
  // eslint-disable-next-line no-control-regex -- escape sequences are what this looks at
  const attributes = [...text.matchAll(/\x1b\[([\d;]*)m/g)].flatMap(([, list = ""]) =>
    list.split(";").map(Number),
  );
  assert.ok(attributes.length > styles.length);
  assert.ok(attributes.every((attribute) => attribute < 30));
});

test("the cursor shows where input goes, within the screen", () => {
  const shown: string[] = [];
  drawing({ pieces: [] }, SIZE, shown);
  assert.equal(
    drawing({ pieces: [], cursor: { row: 1, column: 40 } }, SIZE, shown),
    "\x1b[?2026h\x1b[?25l\x1b[2;7H\x1b[?25h\x1b[?2026l",
  );
});
