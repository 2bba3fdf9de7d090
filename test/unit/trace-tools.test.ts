// SPDX-License-Identifier: MIT
// kvm-trace's commands that read: closed pipes and full disks, and recordings larger than memory.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  createReadStream,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { after } from "node:test";
import { LAST_BYTES, firstRecord, lastRecord } from "../../src/trace/encode";
import { END_REASON, EVENT } from "../../src/trace/events";
import { RecordReader } from "../../src/trace/reader";
import { RecordingFile } from "../../tools/trace/recording-file";
import { PROJECT, Running, run } from "../tools";

const FOLDER = mkdtempSync(join(tmpdir(), "trace-tools-"));
const FORMATS = join(PROJECT, "share", "kvmtrace.formats");
const TOOL = join(PROJECT, "dist", "bin", "kvm-trace.js");

after(() => {
  rmSync(FOLDER, { recursive: true });
});

const TIMED = 1 << 31;
const ENTRY_WORDS = 6;
const EXIT_WORDS = 10;

/** Writes a recording of so many turns of CPUID on SVM, each 1 µs after the one before and 200 ns long. */
function recordingOf(name: string, turns: number): string {
  const start = firstRecord(1, new Date(0));
  const end = lastRecord(1, { lost: 0, unwritten: 0, reason: END_REASON.asked });
  const words = new Uint32Array(start.length + turns * (EXIT_WORDS + ENTRY_WORDS) + end.length);
  words.set(start);
  let at = start.length;
  for (let turn = 0; turn < turns; turn++) {
    const time = turn * 1000;
    words.set([EVENT.exit | (5 << 28) | TIMED, 7, 0, time >>> 0, Math.floor(time / 2 ** 32)], at);
    words.set([0x72, 0x1000, 0, 2, 8], at + 5);
    at += EXIT_WORDS;
    words.set([EVENT.entry | (1 << 28) | TIMED, 7, 0, (time + 200) >>> 0, Math.floor(time / 2 ** 32), 8], at);
    at += ENTRY_WORDS;
  }
  words.set(end, at);
  const path = join(FOLDER, name);
  writeFileSync(path, words);
  return path;
}

const SMALL = recordingOf("small.bin", 20_000);
/** Its first record and turn. */
const HEAD = join(FOLDER, "head.bin");
writeFileSync(HEAD, readFileSync(SMALL).subarray(0, 4 * (7 + EXIT_WORDS + ENTRY_WORDS)));

/** Runs a command line of bash's in which $TOOL is kvm-trace. */
function shell(line: string): { stdout: string; stderr: string } {
  return spawnSync("bash", ["-c", line], {
    encoding: "utf8",
    env: { ...process.env, TOOL: `${process.execPath} ${TOOL}`, FORMATS, SMALL },
  });
}

test("a reader that closes the pipe ends format and report quietly", () => {
  const ended = (line: string) => shell(`${line}; echo "\${PIPESTATUS[0]}"`);
  for (const line of [
    "$TOOL format $FORMATS $SMALL | head -n 1",
    "$TOOL report --slower 0 $SMALL | head -n 1",
  ]) {
    const { stdout, stderr } = ended(line);
    assert.equal(stderr, "", line);
    assert.match(stdout, /^.*(RECORDING|CPUID).*\n0\n$/, line);
  }
});

test("a full disk is said, with status 1", () => {
  for (const line of [
    "$TOOL format $FORMATS $SMALL > /dev/full",
    "$TOOL report $SMALL > /dev/full",
    "$TOOL report --json $SMALL > /dev/full",
    "$TOOL export --perfetto /dev/full $SMALL",
  ]) {
    const { stdout, stderr } = shell(`${line}; echo $?`);
    assert.equal(stdout, "1\n", line);
    assert.match(
      stderr,
      /^kvm-trace \w+: cannot write (to standard output|"\/dev\/full"): .*ENOSPC.*\n$/,
      line,
    );
  }
});

test("a page and what came of conditions go into a pipe too, and a full disk is said of them", () => {
  const report = `node ${join(PROJECT, "dist", "bin", "kvm-vmexit-report.js")}`;
  for (const option of ["--html", "--fail-if 'count > 999999999' --junit"]) {
    const { stdout, stderr } = shell(
      `${report} --csv ${option} /dev/fd/3 $SMALL 3>&1 >/dev/null | tail -n 1; echo`,
    );
    assert.deepEqual([/<\/(html|testsuite)>$/.test(stdout.trim()), stderr], [true, ""], stdout);
    const full = shell(`${report} --csv ${option} /dev/full $SMALL > /dev/null; echo $?`);
    assert.equal(full.stdout, "1\n");
    assert.match(full.stderr, /^kvm-vmexit-report: cannot write "\/dev\/full": .*ENOSPC.*\n$/);
  }
});

test("what waits in a pipe is printed at once, and a signal ends the reading with all that was read", async () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    for (const [parameters, seen, status] of [
      [["format", FORMATS], /RECORDING.*\n.*VMEXIT.*\n.*VMENTRY.*\n/, 0],
      [["report", "--slower", "0"], /^ 114 CPUID +200 \(L1\)\n/, 0],
    ] as const) {
      const tool = new Running("kvm-trace", ...parameters);
      tool.child.stdin?.write(readFileSync(HEAD));
      await tool.seen(seen);
      const result = await tool.end(signal);
      assert.equal(result.status, status);
      assert.match(result.stderr, parameters[0] === "format" ? /^$/ : /: interrupted; what follows/);
    }
});

test("a signal ends a tool that waits for the writer of a named pipe", async () => {
  const fifo = join(FOLDER, "fifo");
  assert.equal(spawnSync("mkfifo", [fifo]).status, 0);
  const tool = new Running("kvm-trace", "format", FORMATS, HEAD, fifo);
  await tool.seen(/VMENTRY.*\n/);
  const { status, stderr } = await tool.end("SIGINT");
  assert.deepEqual([status, stderr], [0, ""]);
});

test("a standard input that doesn't block is waited for", async () => {
  const nonblocking = "import os, sys; os.set_blocking(0, False); os.execv(sys.argv[1], sys.argv[1:])";
  const tool = spawn("python3", ["-c", nonblocking, process.execPath, TOOL, "format", FORMATS]);
  let [stdout, stderr] = ["", ""];
  tool.stderr.on("data", (text) => (stderr += String(text)));
  tool.stdout.on("data", (text) => {
    stdout += String(text);
    // All that was written is read: the next look finds nothing.
    if (stdout.endsWith("VMENTRY vcpu = 0 pid = 7\n")) tool.stdin.end();
  });
  tool.stdin.write(readFileSync(HEAD));
  const status = await new Promise((resolve) => tool.on("close", resolve));
  assert.deepEqual([status, stderr, stdout.split("\n").length], [0, "", 4]);
});

test("the timeline of a damaged recording is whole up to the damage; no recording is written over", () => {
  const damaged = join(FOLDER, "damaged.bin");
  writeFileSync(damaged, Buffer.concat([readFileSync(SMALL).subarray(0, 6404), Buffer.alloc(640, 0xff)]));
  const out = join(FOLDER, "damaged.json");
  const exported = run("kvm-trace", "export", "--perfetto", out, damaged);
  assert.equal(exported.status, 2);
  assert.match(
    exported.stderr,
    /^kvm-trace export: \S+: damaged from byte 6364 to its end: 680 bytes are left out, .*\n$/,
  );
  const { traceEvents } = JSON.parse(readFileSync(out, "utf8")) as { traceEvents: { name: string }[] };
  assert.ok(traceEvents.filter(({ name }) => name === "CPUID").length >= 98);
  const over = run("kvm-trace", "export", "--perfetto", damaged, damaged);
  assert.equal(over.status, 2);
  assert.match(over.stderr, /damaged.bin" is the recording itself; name another file with --perfetto\n$/);
  assert.equal(statSync(damaged).size, 7044);
});

test("export writes nothing until something was read, and never over what it reads", () => {
  const keep = join(FOLDER, "keep.json");
  const missing = join(FOLDER, "missing.bin");
  for (const [input, message] of [
    [missing, /^kvm-trace export: cannot read \S+missing.bin": ENOENT/],
    [join(PROJECT, "README.md"), /^kvm-trace export: \S+: no record at byte 0: /],
  ] as const) {
    writeFileSync(keep, "kept");
    const { status, stderr } = run("kvm-trace", "export", "--perfetto", keep, input);
    assert.equal(status, 2);
    assert.match(stderr, message);
    assert.equal(readFileSync(keep, "utf8"), "kept");
  }
  for (const [line, message] of [
    ["$TOOL export --perfetto $SMALL < $SMALL", /small.bin" is the recording itself/],
    ["$TOOL export --perfetto $SMALL - < $SMALL", /small.bin" is the recording itself/],
    ["$TOOL format $FORMATS - < /", /^kvm-trace \w+: cannot read standard input: EISDIR/],
  ] as const) {
    const { stdout, stderr } = shell(`${line}; echo $?`);
    assert.equal(stdout, "2\n");
    assert.match(stderr, message);
  }
  assert.equal(readFileSync(SMALL).length, 4 * (7 + 20_000 * (EXIT_WORDS + ENTRY_WORDS)) + LAST_BYTES);
});

test("events that there are not are refused, whatever the machine", () => {
  const { status, stderr } = run("kvm-trace", "record", "--events", "exit,\x1bexits");
  assert.equal(status, 2);
  assert.match(
    stderr,
    /^kvm-trace record: --events knows no "\\x1bexits"; there are entry, exit, nested.*\n$/,
  );
});

test("an earlier recording stays until the next has something to say; only regular files are written", () => {
  const path = join(FOLDER, "record.bin");
  writeFileSync(path, "an earlier recording, which is longer than the next");
  const file = new RecordingFile(path, 1000);
  assert.match(readFileSync(path, "utf8"), /^an earlier/);
  file.append(firstRecord(1, new Date(0)), 0);
  file.finish(() => lastRecord(1, { lost: 0, unwritten: 0, reason: END_REASON.asked }));
  assert.equal(readFileSync(path).length, 4 * 7 + LAST_BYTES);
  for (const [other, why] of [
    ["/dev/full", "it is no regular file"],
    [FOLDER, "EISDIR: it is a folder"],
  ] as const)
    assert.throws(
      () => new RecordingFile(other, 1000),
      (error: Error) => error.message.startsWith(`cannot write "${other}": ${why}; name a file`),
    );
});

/** The records of a recording that ends with a whole one: event and data words. */
function recordsIn(path: string): number[][] {
  const reader = new RecordReader({ name: path, knows: () => true });
  reader.feed(readFileSync(path));
  reader.end();
  const records: number[][] = [];
  while (reader.next()) {
    const { event, count } = reader.record;
    records.push([event, ...Array.from({ length: count }, (_, index) => reader.record.word(index))]);
  }
  assert.equal(reader.cut, undefined);
  return records;
}

/** Sets how large a file this process may write. */
function limitFiles(bytes: number | "unlimited"): void {
  assert.equal(spawnSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${bytes}:`]).status, 0);
}

test("where a file takes no more, each event is in it or counted as unwritten, and its last record says so", () => {
  const path = join(FOLDER, "short.bin");
  const first = firstRecord(1, new Date(0));
  const exit = [EVENT.exit | (5 << 28) | TIMED, 7, 0, 1, 0, 0x78, 0, 0, 2, 8];
  const hlt = [EVENT.hlt | (1 << 28) | TIMED, 7, 0, 1, 0, 8];
  const entry = [EVENT.entry | (1 << 28) | TIMED, 7, 0, 2, 0, 8];
  // Batches shorter than a last record, longer, and of many events.
  const turn = [...exit, ...hlt, ...entry];
  const batches = [[entry], [turn], [turn, turn, turn], [entry], [turn], [entry], [turn]].map((parts) => ({
    words: Uint32Array.from(parts.flat()),
    events: parts.flatMap((part) => (part === turn ? [exit, entry] : [part])).length,
  }));
  const total = batches.reduce((sum, { events }) => sum + events, 0);
  const whole = 4 * (first.length + batches.reduce((sum, { words }) => sum + words.length, 0)) + LAST_BYTES;
  for (let limit = 4 * first.length + LAST_BYTES; limit < whole; limit += 3) {
    const file = new RecordingFile(path, Infinity);
    const last = () => {
      const reason = file.failed ? END_REASON.writeFailed : END_REASON.asked;
      return lastRecord(1, { lost: 0, unwritten: total - file.events, reason });
    };
    limitFiles(limit);
    try {
      assert.throws(() => {
        try {
          file.append(first, 0);
          for (const { words, events } of batches) file.append(words, events);
        } finally {
          file.finish(last);
        }
      }, /^ToolError: cannot write \S+: EFBIG/);
    } finally {
      limitFiles("unlimited");
    }
    const records = recordsIn(path);
    const count = (id: number) => records.filter(([event]) => event === id).length;
    const events = count(EVENT.exit) + count(EVENT.entry);
    assert.equal(count(EVENT.hlt), count(EVENT.exit));
    assert.deepEqual(
      records.at(-1),
      [EVENT.end, 0, 0, total - events, 0, END_REASON.writeFailed],
      `${limit}`,
    );
    assert.equal(file.events, events);
    const { size } = statSync(path);
    // No more gives way than has to.
    assert.ok(
      size <= limit && size > limit - LAST_BYTES - 4 * (exit.length + hlt.length),
      `${size} of ${limit}`,
    );
  }
});

/** The most memory that a command takes, in MiB, on a heap that could not hold a large recording. @param output a file */
function peakMiB(output: string, ...parameters: string[]): number {
  const script = `process.on("exit", () => console.error(process.resourceUsage().maxRSS)); require(${JSON.stringify(TOOL)}).main("kvm-trace", process.argv.slice(2))`;
  const heap = ["--max-old-space-size=24", "--max-semi-space-size=2"];
  const argv = [...heap, "-e", script, "--", TOOL, ...parameters];
  const stdout = openSync(output, "w");
  const { status, stderr } = spawnSync(process.execPath, argv, { stdio: ["ignore", stdout, "pipe"] });
  closeSync(stdout);
  assert.equal(status, 0);
  assert.match(stderr.toString(), /^\d+\n$/);
  return Number(stderr.toString()) / 1024;
}

test("a recording larger than memory becomes a timeline: memory doesn't grow with it", async () => {
  const turns = 500_000;
  const large = recordingOf("large.bin", turns);
  const out = join(FOLDER, "large.json");
  const few = peakMiB("/dev/null", "export", "--perfetto", join(FOLDER, "small.json"), SMALL);
  const many = peakMiB("/dev/null", "export", "--perfetto", out, large);
  assert.ok(statSync(large).size > 24 * 2 ** 20);
  assert.ok(statSync(out).size > 100 * 2 ** 20);
  assert.ok(many - few < 24, `${few} MiB for 20,000 turns, ${many} for ${turns}`);
  // Too long for one string: each event has a line of its own.
  let slices = 0;
  for await (const line of createInterface(createReadStream(out))) {
    if (!line.startsWith('{"ph"')) continue;
    const event = JSON.parse(line.replace(/,$/, "")) as { ph: string; name: string; ts: number; dur: number };
    if (event.name !== "CPUID") continue;
    assert.deepEqual([event.ph, event.ts, event.dur], ["X", slices++, 0.2]);
  }
  assert.equal(slices, turns);
});

test("the report of it is exact", () => {
  const { status, stdout } = run("kvm-trace", "report", join(FOLDER, "large.bin"));
  assert.equal(status, 0);
  assert.match(stdout, /114 CPUID +500000 +500000 +0\n/);
});

test("formatting it takes no more memory than a small one, into a file or not", () => {
  const large = join(FOLDER, "large.bin");
  const text = join(FOLDER, "large.txt");
  const few = peakMiB(text, "format", FORMATS, SMALL);
  const many = peakMiB(text, "format", FORMATS, large);
  assert.ok(statSync(text).size > 64 * 2 ** 20);
  assert.ok(many - few < 12, `${few} MiB for 20,000 turns, ${many} for 500,000`);
  // What isn't a file is written in the background, from copies that wait to be collected: some MiB, but not 160.
  const merged = peakMiB("/dev/null", "format", "--merge", FORMATS, large, large);
  assert.ok(merged - few < 48, `${few} MiB for 20,000 turns, ${merged} for 1,000,000 merged`);
});

test("at a terminal, report without a file reads kvm-trace.bin and says so, or says that there is none", () => {
  const folder = mkdtempSync(join(FOLDER, "default-"));
  const atTerminal = () =>
    spawnSync("script", ["-qec", `${process.execPath} ${TOOL} report`, "/dev/null"], {
      cwd: folder,
      encoding: "utf8",
    });
  const without = atTerminal();
  assert.equal(without.status, 2);
  assert.match(without.stdout, /^kvm-trace report: there is no "kvm-trace\.bin" here; name a recording, /);
  writeFileSync(join(folder, "kvm-trace.bin"), readFileSync(SMALL));
  const { status, stdout } = atTerminal();
  assert.equal(status, 0);
  assert.match(stdout, /^kvm-trace report: reading "kvm-trace\.bin"\r\n[^]*CPUID +20000 /);
});
