// SPDX-License-Identifier: MIT
// Text from outside, made safe for terminals, JSON and spreadsheets.
import assert from "node:assert/strict";
import test from "node:test";
import { csvLine } from "../../src/render/csv";
import { csvText, jsonText, safeText } from "../../src/text";

// What Unicode calls a control, a format, a separator of lines, half a character, or invisible.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

test("what steers, reorders or is invisible is written out; nothing else is", () => {
  for (let code = 0; code < 0x110000; code++) {
    const character = String.fromCodePoint(code);
    const safe = safeText(`a${character}b`);
    const json = jsonText(`a${character}b`);
    assert.equal(JSON.parse(json), `a${character}b`);
    // Unicode grows: of later additions this Node knows more or fewer than the list.
    if (INVISIBLE.test(character)) {
      assert.match(safe, /^a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]{5,6}\})b$/, code.toString(16));
      assert.doesNotMatch(json, INVISIBLE, code.toString(16));
    } else assert.equal(safe, `a${character}b`, code.toString(16));
  }
});

test("escapes: two digits below 256, four, or braces", () => {
  assert.equal(safeText("\u009b\u202e\u200b\u{e0041}\ud800"), "\\x9b\\u202e\\u200b\\u{e0041}\\ud800");
  assert.equal(jsonText({ a: "\u009b\u202e\u{e0041}" }), '{"a":"\\u009b\\u202e\\udb40\\udc41"}');
});

test("what a spreadsheet takes for a formula begins with an apostrophe", () => {
  for (const name of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
    assert.equal(csvText(name), `'${name}`);
  assert.equal(csvText(" =1;x; +2;@3;4=5"), "' =1;x;' +2;'@3;4=5");
  for (const name of ["web1", "a=b", "'=1", "", " x"]) assert.equal(csvText(name), name);
  assert.equal(csvLine([csvText('=HYPERLINK("http://x","y")'), 1]), '"\'=HYPERLINK(""http://x"",""y"")",1');
});
