// SPDX-License-Identifier: MIT
// Bounded reads of what others fill.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { exists, listFolder, readExcerpt, readLines, readText } from "../../src/host/read";
import { PROJECT } from "../tools";

const FOLDER = mkdtempSync(join(tmpdir(), "read-"));
after(() => {
  rmSync(FOLDER, { recursive: true });
});
const FILE = join(FOLDER, "file");

test("an excerpt ends at its bound, and says whether the file does", () => {
  writeFileSync(FILE, "0123456789");
  assert.deepEqual(readExcerpt(FILE, 10), { state: "read", text: "0123456789", isWhole: true });
  assert.deepEqual(readExcerpt(FILE, 9), { state: "read", text: "012345678", isWhole: false });
  assert.equal(readText(FILE), "0123456789");
});

test("a file without an end is read as far as the bound", () => {
  assert.deepEqual(readExcerpt("/dev/zero", 1000), {
    state: "read",
    text: "\0".repeat(1000),
    isWhole: false,
  });
  assert.deepEqual([...readLines("/dev/zero", 100_000, 3)], ["\0\0\0"]);
});

test("why a file can't be read is told", () => {
  const state = (path: string, options = {}) => readExcerpt(path, 10, options).state;
  assert.equal(state(join(FOLDER, "none")), "missing");
  assert.equal(state(join(FILE, "none")), "missing");
  assert.equal(state(FOLDER), "failed");
  symlinkSync("file", join(FOLDER, "link"));
  assert.equal(state(join(FOLDER, "link")), "read");
  assert.equal(state(join(FOLDER, "link"), { follow: false }), "failed");
  symlinkSync("loop", join(FOLDER, "loop"));
  assert.equal(state(join(FOLDER, "loop")), "failed");
  assert.equal(exists(join(FOLDER, "loop")), false);
  assert.equal(readText(join(FOLDER, "none")), "");
});

test("a folder that may not be searched is denied, to users that it is closed to", () => {
  const closed = join(FOLDER, "closed");
  mkdirSync(closed);
  chmodSync(closed, 0);
  chmodSync(FOLDER, 0o755);
  const script = `const { readExcerpt, listFolder } = require(${JSON.stringify(join(PROJECT, "dist/src/host/read"))});
    if (process.getuid() === 0) process.setuid(65534);
    console.log(readExcerpt(${JSON.stringify(`${closed}/x`)}, 1).state, listFolder(${JSON.stringify(closed)}, 1).state)`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  assert.equal(stdout, "denied denied\n", stderr);
});

test("a FIFO that has no writer is not waited for", () => {
  const fifo = join(FOLDER, "fifo");
  assert.equal(spawnSync("mkfifo", [fifo]).status, 0);
  assert.deepEqual(readExcerpt(fifo, 10), { state: "read", text: "", isWhole: true });
});

test("lines come out whole, as they are in the file", () => {
  const line = fc.string({ unit: "binary", maxLength: 200 }).filter((text) => !text.includes("\n"));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 300 }), (lines) => {
      const text = lines.map((line) => `${line}\n`).join("");
      writeFileSync(FILE, text);
      assert.deepEqual([...readLines(FILE, 2 ** 20)], Buffer.from(text).toString().split("\n").slice(0, -1));
    }),
    { numRuns: 20 },
  );
  writeFileSync(FILE, `${"é".repeat(20_000)}\nlast`);
  assert.deepEqual([...readLines(FILE, 2 ** 20, 2 ** 17)], ["é".repeat(20_000), "last"]);
});

test("lines end at both bounds", () => {
  writeFileSync(FILE, "a\nbcdef\ng\n");
  assert.deepEqual([...readLines(FILE, 100, 3)], ["a", "bcd", "g"]);
  assert.deepEqual([...readLines(FILE, 4)], ["a", "bc"]);
  assert.deepEqual([...readLines(join(FOLDER, "none"), 4)], []);
  for (const first of readLines(FILE, 100)) {
    assert.equal(first, "a");
    break;
  }
});

test("a folder is listed as far as the bound", () => {
  const folder = join(FOLDER, "list");
  for (const name of ["a", "b", "c"]) mkdirSync(join(folder, name), { recursive: true });
  const { names, ...all } = listFolder(folder, 3);
  assert.deepEqual([...names].sort(), ["a", "b", "c"]);
  assert.deepEqual(all, { state: "read", isWhole: true });
  assert.equal(listFolder(folder, 2).names.length, 2);
  assert.equal(listFolder(folder, 2).isWhole, false);
  assert.deepEqual(listFolder(join(folder, "none"), 2), { state: "missing", names: [], isWhole: false });
});
