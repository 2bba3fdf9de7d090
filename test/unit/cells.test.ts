// SPDX-License-Identifier: MIT
// What characters take on a terminal.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf } from "../../src/render/cells";

const width = (text: string) => cellsOf(text).length;

test("characters take the columns that Unicode says", () => {
  for (const one of ["a", "é", "\u00ad", "ż", "→", "█", "😐︎"[0] ?? "", "🇩", "ﾊ", "\u{1f336}"])
    assert.equal(width(one), 1, one);
  for (const two of [
    "日",
    "한",
    "Ａ",
    "￥",
    "😀",
    "🦀",
    "⏰",
    "☔",
    "〈",
    "\u2329",
    "𠀀",
    "\u{1faea}",
    "\u{1d300}",
    "\u4dc0",
  ])
    assert.equal(width(two), 2, two);
  for (const none of ["\u0301", "\u200b", "\u1160", "\ufe0f"])
    assert.equal(width(`a${none}`), 1, JSON.stringify(none));
});

test("a character that joins is in the cell before it; a wide one has an empty cell after it", () => {
  assert.deepEqual(cellsOf("e\u0301日b"), ["e\u0301", "日", "", "b"]);
  // There is nothing that the first one could join.
  assert.deepEqual(cellsOf("\u0301a"), ["a"]);
});
