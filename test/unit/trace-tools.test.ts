// kvm-trace's commands that read: closed pipes and full disks, and recordings larger than memory.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { after } from "node:test";
import { firstRecord, lastRecord } from "../../src/trace/encode";
import { EVENT } from "../../src/trace/events";
import { PROJECT, run } from "../tools";

const FOLDER = mkdtempSync(join(tmpdir(), "trace-tools-"));
const FORMATS = join(PROJECT, "formats");
const TOOL = join(PROJECT, "dist", "tools", "kvm-trace.js");

after(() => {
  rmSync(FOLDER, { recursive: true });
});

const TIMED = 1 << 31;
const ENTRY_WORDS = 6;
const EXIT_WORDS = 10;

/** Writes a recording of so many turns of CPUID on SVM, each 1 µs after the one before and 200 ns long. */
function recordingOf(name: string, turns: number): string {
  const start = firstRecord(1, new Date(0));
  const end = lastRecord(1, 0);
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
    assert.match(stderr, /^kvm-trace: cannot write (to standard output|\/dev\/full): .*ENOSPC.*\n$/, line);
  }
});

test("the timeline of a damaged recording is whole up to the damage; no recording is written over", () => {
  const damaged = join(FOLDER, "damaged.bin");
  writeFileSync(damaged, Buffer.concat([readFileSync(SMALL).subarray(0, 6404), Buffer.alloc(640, 0xff)]));
  const out = join(FOLDER, "damaged.json");
  const exported = run("kvm-trace", "export", "--perfetto", out, damaged);
  assert.equal(exported.status, 2);
  assert.match(exported.stderr, /^kvm-trace: \S+: no record at byte 6404: .*\n$/);
  const { traceEvents } = JSON.parse(readFileSync(out, "utf8")) as { traceEvents: { name: string }[] };
  assert.ok(traceEvents.filter(({ name }) => name === "CPUID").length >= 98);
  const over = run("kvm-trace", "export", "--perfetto", damaged, damaged);
  assert.equal(over.status, 2);
  assert.match(over.stderr, /damaged.bin is the recording itself; name another file with --perfetto\n$/);
  assert.equal(statSync(damaged).size, 7044);
});

test("events that there are not are refused, whatever the machine", () => {
  const { status, stderr } = run("kvm-trace", "record", "--events", "exit,\x1bexits");
  assert.equal(status, 2);
  assert.match(stderr, /^kvm-trace: --events knows no "\\x1bexits"; there are entry, exit, nested.*\n$/);
});

/** The most memory that an export of a recording takes, in MiB, on a heap that could not hold the recording. */
function peakMiB(recording: string, out: string): number {
  const script = `process.on("exit", () => console.log(process.resourceUsage().maxRSS)); require(${JSON.stringify(TOOL)})`;
  const heap = ["--max-old-space-size=24", "--max-semi-space-size=2"];
  const parameters = ["export", "--perfetto", out, recording];
  const { stdout, stderr } = spawnSync(process.execPath, [...heap, "-e", script, "--", TOOL, ...parameters]);
  assert.equal(stderr.toString(), "");
  return Number(stdout.toString()) / 1024;
}

test("a recording larger than memory becomes a timeline: memory doesn't grow with it", async () => {
  const turns = 500_000;
  const large = recordingOf("large.bin", turns);
  const out = join(FOLDER, "large.json");
  const few = peakMiB(SMALL, join(FOLDER, "small.json"));
  const many = peakMiB(large, out);
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
