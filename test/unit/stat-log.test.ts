// SPDX-License-Identifier: MIT
// kvm-stat's log: its file, and what is told while it is written.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Refusal } from "../../src/stat/options";
import { LogFile } from "../../tools/stat/log-file";
import { LossReport } from "../../tools/lib/losses";

const MINUTE = 60_000;

test("losses are told when they happen, more of them once a minute at most, and the rest at the end", () => {
  let losses: string[] = [];
  const said: string[] = [];
  const report = new LossReport(
    () => losses,
    (line) => said.push(line),
  );
  report.tell(0);
  assert.deepEqual(said, []);
  losses = ["2 exits"];
  report.tell(10_000);
  assert.deepEqual(said, ["2 exits"], "at once");
  losses = ["5 exits", "a counter"];
  report.tell(11_000);
  report.tell(10_000 + MINUTE - 1);
  assert.deepEqual(said, ["2 exits"]);
  losses = ["7 exits", "a counter"];
  report.tell(10_000 + MINUTE);
  assert.deepEqual(said.splice(0), ["2 exits", "7 exits", "a counter"]);
  report.tell(10_000 + 3 * MINUTE);
  assert.deepEqual(said, [], "nothing new");
  losses = ["7 exits", "a counter", "another"];
  report.tell(10_000 + 4 * MINUTE);
  losses = ["8 exits", "a counter", "another"];
  report.tellAll();
  assert.deepEqual(said, ["another", "8 exits"]);
});

test("a log's file is for its owner and group, is appended to, and is known to be empty once it was emptied", () => {
  const path = join(mkdtempSync(join(tmpdir(), "log-")), "log");
  const file = new LogFile(path);
  assert.equal(statSync(path).mode & 0o777 & ~0o640, 0);
  assert.equal(file.isEmpty, true);
  file.write("heading");
  file.write("1");
  assert.equal(file.isEmpty, false);
  assert.equal(file.begin(), "heading");
  truncateSync(path);
  assert.equal(file.isEmpty, true);
  file.write("again");
  assert.equal(file.emptyIfOnly("a"), false);
  assert.equal(file.emptyIfOnly("again"), true);
  assert.equal(file.isEmpty, true, "emptied between its heading and a line");
  file.write("again");
  assert.equal(readFileSync(path, "utf8"), "again\n");
});

test("a log doesn't follow links in folders that others may change, and says which file it is", () => {
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  const victim = join(folder, "victim");
  const planted = join(folder, "log");
  writeFileSync(victim, "");
  symlinkSync(victim, planted);
  chmodSync(folder, 0o777);
  for (const path of [planted, join(folder, "missing", "log"), folder])
    assert.throws(
      () => new LogFile(path),
      (error: unknown) =>
        error instanceof Refusal &&
        error.message.startsWith(`Error: Could not open file: ${path}: `) &&
        error.message.endsWith("; log elsewhere") &&
        !error.message.includes("\n"),
    );
  assert.equal(readFileSync(victim, "utf8"), "");
});

test("a pipe whose reader takes nothing keeps lines waiting, not the tool; it gets each of them when it reads", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "log-")), "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const log = new LogFile(path);
  assert.deepEqual([log.begin(), log.isEmpty], ["", false]);
  const line = "x".repeat(1000);
  let lines = 0;
  for (; log.catchUp() && lines < 10_000; lines++) log.write(line);
  assert.ok(lines > 1 && lines < 10_000, `${lines}`);
  const buffer = Buffer.alloc(2 ** 20);
  let read = readSync(reader, buffer);
  await log.written();
  read += readSync(reader, buffer);
  assert.deepEqual([read, log.bytes, log.isPending], [lines * 1001, lines * 1001, false]);
  closeSync(reader);
  assert.throws(() => {
    log.write(line);
  }, /cannot write .*EPIPE.*log elsewhere/);
});
