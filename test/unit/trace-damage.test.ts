// SPDX-License-Identifier: MIT
// Recordings of ours that are damaged, or larger than memory may become: told, bounded, and never taken for whole.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { groupSamples, groupingSteps } from "../../src/measure/grouping";
import { NOTHING_LOST } from "../../src/measure/lost";
import { type Groups, type Samples, sampleAt } from "../../src/measure/samples";
import { csvSteps } from "../../src/render/csv";
import { jsonPieces } from "../../src/render/json";
import { Run } from "../../src/report/run";
import { Selection } from "../../src/report/selection";
import { LAST_BYTES, firstRecord, lastRecord } from "../../src/trace/encode";
import { END_REASON, EVENT } from "../../src/trace/events";
import { RecordReader } from "../../src/trace/reader";
import { MAX_REASONS, MAX_THREADS } from "../../src/trace/turns";
import { RecordingFile } from "../../tools/trace/recording-file";
import { PROJECT, run } from "../tools";
import { record } from "./trace";

const FOLDER = mkdtempSync(join(tmpdir(), "trace-damage-"));
const FORMATS = join(PROJECT, "share", "kvmtrace.formats");

after(() => {
  rmSync(FOLDER, { recursive: true });
});

const CPUID = 0x72;
const BEGIN = Buffer.from(firstRecord(1, new Date(0)).buffer);
const END = Buffer.from(lastRecord(1, { lost: 0, unwritten: 0, reason: END_REASON.asked }).buffer);
const exit = (time: number, code = CPUID, tid = 77) =>
  record({ event: EVENT.exit, pid: tid, vcpu: 0, time: BigInt(time), words: [code, 0, 0, 2, tid] });
const entry = (time: number, tid = 77) =>
  record({ event: EVENT.entry, pid: tid, vcpu: 0, time: BigInt(time), words: [tid] });

/** CPUID exits of 1 µs each, 10 µs apart. */
function recording(turns: number, start: number): Buffer {
  const records = Array.from({ length: turns }, (_, i) => [
    exit(start + 10_000 * i),
    entry(start + 10_000 * i + 1000),
  ]);
  return Buffer.concat([BEGIN, ...records.flat(), END]);
}

function fileOf(name: string, ...parts: readonly Buffer[]): string {
  const path = join(FOLDER, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

interface Report {
  exits: { name: string; count: { total: number } }[];
  lost: unknown;
}

const reportOf = (path: string, ...parameters: string[]) => {
  const result = run("kvm-trace", "report", "--json", ...parameters, path);
  return { ...result, line: JSON.parse(result.stdout) as Report };
};

test("wherever the first of two joined recordings was cut, damage is told with its offset, and nothing is called whole", () => {
  const first = recording(20, 1e6);
  const second = recording(10, 9e6);
  const start = BEGIN.length + 64 * 15;
  for (let cut = start; cut < start + 64; cut += 3) {
    const reader = new RecordReader({
      name: "r",
      knows: () => true,
      onDamage: ({ offset, bytes, last }) => damages.push([offset, offset + bytes, Number(last)]),
    });
    const damages: number[][] = [];
    const times: number[] = [];
    reader.feed(Buffer.concat([first.subarray(0, cut), second]));
    reader.end();
    while (reader.next()) if (reader.record.timed) times.push(reader.record.timeLow);
    const boundary = (cut - start) % 64 === 0 || (cut - start) % 64 === 40;
    assert.equal(damages.length, boundary ? 0 : 1, `${cut}`);
    // The damage ends where the second recording begins, and begins no more than a record before the cut one.
    for (const [from = 0, to, last] of damages)
      assert.ok(from >= cut - 80 && from < cut && to === cut && last === 0, `${cut}: ${from} to ${to}`);
    assert.ok(times.every((time) => time < 2e6 || (time >= 9e6 && time < 1e7)));
    assert.equal(times.filter((time) => time >= 9e6).length, 20);
  }
  const { status, stderr, line } = reportOf(fileOf("joined", first.subarray(0, start + 45), second));
  assert.equal(status, 2);
  assert.match(
    stderr,
    new RegExp(`damaged from byte ${start} to byte ${start + 45}, where the next record is: 45 bytes`),
  );
  assert.equal(line.lost, null);
  assert.equal(line.exits[0]?.count.total, 15 + 10);
});

test("what is open at damage has no time, and damage up to the end is told too", () => {
  const path = fileOf(
    "open",
    BEGIN,
    exit(1000),
    entry(1400),
    exit(2000),
    exit(2100),
    Buffer.from("garbage"),
    BEGIN,
    entry(9e6),
    END,
  );
  const { stdout, status } = run("kvm-trace", "report", "--table", "time", path);
  assert.equal(status, 2);
  assert.match(stdout, /114 CPUID +2 \( +400\)/);
  const { stderr } = reportOf(fileOf("tail", BEGIN, exit(1000), Buffer.alloc(100, 0xff)));
  assert.match(stderr, new RegExp(`damaged from byte ${BEGIN.length} to its end: 140 bytes are left out`));
  const formatted = run("kvm-trace", "format", FORMATS, path);
  assert.equal(formatted.status, 2);
  assert.match(formatted.stderr, /^kvm-trace format: \S+open": damaged from byte /);
});

test("many places of damage are told in a few lines", () => {
  const pieces = Array.from({ length: 50 }, (_, i) => [
    ...[1, 2, 3].map((n) => exit(1000 * i + n)),
    Buffer.from("x"),
  ]).flat();
  const { stderr } = reportOf(fileOf("many", BEGIN, ...pieces));
  assert.ok(stderr.split("\n").length < 10, stderr);
  assert.match(stderr, /damaged at \d+ places; \d+ bytes are left out in all/);
});

test("reasons and threads beyond the bounds are counted as others, and that is told", () => {
  const reasons = Array.from({ length: MAX_REASONS + 500 }, (_, i) => [
    exit(1000 * i, 0x1000 + i),
    entry(1000 * i + 300),
  ]);
  const many = reportOf(fileOf("reasons", BEGIN, ...reasons.flat(), END));
  assert.equal(many.line.exits.length, MAX_REASONS + 1);
  assert.equal(many.line.exits.find(({ name }) => name === "OTHERS")?.count.total, 500);
  assert.match(many.stderr, /: 500 exits are counted as others/);
  const threads = Array.from({ length: MAX_THREADS + 100 }, (_, i) => exit(i, CPUID, i + 1));
  const file = fileOf("threads", BEGIN, ...threads, END);
  const counted = reportOf(file);
  assert.equal(counted.line.exits[0]?.count.total, MAX_THREADS + 100);
  assert.match(counted.stderr, /: 100 exits are counted as others/);
  const byVm = run("kvm-trace", "report", "--by", "vm", "--csv", file).stdout.trim().split("\n");
  assert.equal(byVm.length, 1 + MAX_THREADS + 1);
  const exported = run("kvm-trace", "export", "--perfetto", join(FOLDER, "threads.json"), file);
  assert.deepEqual([exported.status, exported.stderr.split("\n").length], [0, 2]);
});

test("definitions have bounds: the file, a rule, a line", () => {
  const file = fileOf("one", BEGIN, exit(1), END);
  const formatted = (text: string) => run("kvm-trace", "format", fileOf("rules", Buffer.from(text)), file);
  const endless = run("kvm-trace", "format", "/dev/zero", file);
  assert.deepEqual([endless.status, endless.stderr.split("\n").length], [2, 2]);
  assert.match(endless.stderr, /^kvm-trace format: "\/dev\/zero" is larger than 1 MiB/);
  assert.match(formatted(`0 ${"x".repeat(70_000)}`).stderr, /rules:1: the rule has 70002 bytes; shorten it/);
  assert.match(
    formatted(`0 ${"%(1)4096d".repeat(5000)}`).stderr,
    /rules:1: the rule makes lines of more than/,
  );
  assert.equal(formatted(`0 ${"%(1)4096d".repeat(20)}`).status, 0);
});

test("SIGTERM is heard while a reader that doesn't read keeps a wide rule waiting, and memory stays small", async () => {
  const turns = fileOf("wide", recording(2000, 1e6));
  const rules = fileOf("wide-rules", Buffer.from(`0 ${"%(1)4096d".repeat(2000)}`));
  const tool = join(PROJECT, "dist", "bin", "kvm-trace.js");
  const format = spawn(process.execPath, [tool, "format", rules, turns], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  // Until it has written what the pipe takes; nothing is read from it.
  await new Promise((resolve) => format.stdout.once("readable", resolve));
  const resident = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${format.pid}/status`, "latin1"))?.[1]);
  assert.ok(resident() < 400_000, `${resident()} KiB`);
  const closed = new Promise((resolve) => format.on("exit", resolve));
  format.kill("SIGTERM");
  // Its reader goes away then, so that it can end.
  format.stdout.destroy();
  await closed;
});

/** A recording of as many threads as are told apart, an exit each. */
const threads = () =>
  fileOf("crowd", BEGIN, ...Array.from({ length: MAX_THREADS }, (_, i) => exit(i, CPUID, i + 1)), END);

test("SIGTERM ends a report of thousands of tables in the midst of them, though its reader reads on", async () => {
  const tool = join(PROJECT, "dist", "bin", "kvm-trace.js");
  const report = spawn(process.execPath, [tool, "report", "--by", "vcpu", threads()], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let tables = 0;
  report.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (tables === 0) report.kill("SIGTERM");
    tables += text.split("Exit reason").length - 1;
  });
  const signal = await new Promise((resolve) => {
    report.on("close", (_, by) => {
      resolve(by);
    });
  });
  assert.equal(signal, "SIGTERM");
  assert.ok(tables > 0 && tables < MAX_THREADS, `${tables}`);
});

test("what is made of many vCPUs and reasons is made in steps of one each", () => {
  const exits: Groups = new Map<string, Samples>();
  for (let i = 0; i < 1000; i++) sampleAt(exits, `${i}`, i % 500, "svm", i % 500).l1.count++;
  const steps = (work: Iterable<unknown>) => [...work].length;
  const reading = { exits, vcpus: new Map(), lost: NOTHING_LOST, number: 0 };
  assert.equal(steps(groupingSteps(reading, "reason")), 1000);
  const time = { start: new Date(0), end: new Date(1), durationNs: 1, final: true };
  const about = { tool: "kvm-trace", version: "1", host: undefined, options: {} };
  const groups = groupSamples(reading, "reason");
  // What comes before the rows and after them.
  assert.equal(steps(jsonPieces(about, time, groups, NOTHING_LOST, "count")), 500 + 2);
  assert.equal(steps(csvSteps(time, groups, "count")), 500);
  const line = { ...about, ...time, vcpus: 1000, reading: { ...reading, ...time }, split: undefined };
  assert.equal(steps(new Run(new Selection({})).adding(line)), 1000);
});

test("a timeline and a page are readable to those only who can read the recording, and aren't written through a stranger's link", () => {
  const source = fileOf("private", recording(3, 0));
  chmodSync(source, 0o600);
  const mode = (path: string) => statSync(path).mode & 0o777;
  const out = join(FOLDER, "out.json");
  assert.equal(run("kvm-trace", "export", "--perfetto", out, source).status, 0);
  assert.equal(mode(out), 0o600);
  const page = join(FOLDER, "page.html");
  assert.equal(run("kvm-vmexit-report", "--html", page, source).status, 0);
  assert.equal(mode(page), 0o600);
  const old = fileOf("old.json");
  chmodSync(old, 0o644);
  assert.equal(run("kvm-trace", "export", "--perfetto", old, source).status, 0);
  assert.equal(mode(old), 0o600);
  chmodSync(source, 0o644);
  unlinkSync(out);
  assert.equal(run("kvm-trace", "export", "--perfetto", out, source).status, 0);
  // Less what the umask takes.
  assert.ok([0o644, 0o640, 0o600].includes(mode(out)));
  const loop = join(FOLDER, "loop");
  symlinkSync(loop, loop);
  for (const path of [loop, join(FOLDER, "x".repeat(300)), join(loop, "out")]) {
    const { status, stderr } = run("kvm-trace", "export", "--perfetto", path, source);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^kvm-trace export: cannot write .*\n$/);
    assert.doesNotMatch(stderr, /internal error/);
    assert.throws(() => new RecordingFile(path, 1000), /^UsageError: cannot write /);
  }
});

test("a file has one recorder, and one that others cut or replace while it is recorded is told", () => {
  const path = join(FOLDER, "alone.bin");
  const open = () => {
    const file = new RecordingFile(path, 1e6);
    file.append(firstRecord(1, new Date(0)), 0);
    return file;
  };
  const last = () => lastRecord(1, { lost: 0, unwritten: 0, reason: END_REASON.asked });
  const file = open();
  assert.throws(
    () => new RecordingFile(path, 1000),
    /^UsageError: cannot write \S+: another process is writing it; /,
  );
  file.finish(last);
  assert.equal(statSync(path).size, BEGIN.length + LAST_BYTES);
  for (const [harm, word] of [
    [
      () => {
        truncateSync(path, 4);
      },
      "was cut to 4 bytes",
    ],
    [
      () => {
        unlinkSync(path);
      },
      "was removed",
    ],
  ] as const) {
    const harmed = open();
    harm();
    assert.throws(
      () => {
        harmed.append(Uint32Array.from([]), 0);
      },
      (error: Error) => error.message.includes(word),
    );
    harmed.finish(last);
    assert.ok(word === "was removed" || statSync(path).size === 4);
  }
});
