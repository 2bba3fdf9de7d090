// kvm-trace on a KVM host: what is recorded is what the guest did, and the live tools count the same.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { GUEST, PROJECT, type Result, Running, run } from "../tools";
import { PROMISED, WORKLOAD, assertPromised } from "./counts";
import { jsonLines } from "./json";

const FOLDER = mkdtempSync(join(tmpdir(), "trace-"));
const FILE = join(FOLDER, "trace.bin");
const FORMATS = join(PROJECT, "formats");
const TOOLS = join(PROJECT, "dist", "tools");

after(() => {
  rmSync(FOLDER, { recursive: true });
});

/** How many lines of the formatted recording have each event. */
function events(): Map<string, number> {
  const formatted = run("kvm-trace", "format", FORMATS, FILE);
  assert.deepEqual([formatted.status, formatted.stderr], [0, ""]);
  const counts = new Map<string, number>();
  for (const [, name = ""] of formatted.stdout.matchAll(/^\d+ \(\+ *-?\d+\) (\S+)/gm))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

test("records exactly what the guest did, and reports what it promises", () => {
  const recorded = run("kvm-trace", "record", "-o", FILE, "--", GUEST, ...WORKLOAD);
  assert.equal(recorded.status, 0, recorded.stderr);
  assert.doesNotMatch(recorded.stderr, /Lost/);
  const counts = events();
  for (const [name, count] of [
    ["MSR_READ", 41],
    ["MSR_WRITE", 43],
    ["IO_WRITE", 20],
    ["IO_READ", 17],
    ["HLT", 37],
    ["VMMCALL", 11],
    ["RECORDING", 1],
    ["END", 1],
  ] as const)
    assert.equal(counts.get(name), count, name);
  // On 5.10 the reset of a vCPU looks CPUID up through the same tracepoint.
  assert.ok([23, 24].includes(counts.get("CPUID") ?? 0), String(counts.get("CPUID")));
  assert.equal(counts.get("unknown"), undefined);
  assertPromised(run("kvm-trace", "report", FILE));
});

test("times only grow", () => {
  const { stdout } = run("kvm-trace", "format", FORMATS, FILE);
  assert.doesNotMatch(stdout, /\(\+ *-/);
});

test("a recording made while a live tool ran shows the same counts, several VMs of one process told apart", () => {
  const guest = [GUEST, "--cpuid", "50", "--hlt", "20", "--out", "5", "--vms", "2", "--vcpus", "2"];
  const live = [process.execPath, join(TOOLS, "kvm-vmexit-time.js"), "--json", "--", ...guest];
  const recorded = run("kvm-trace", "record", "-o", FILE, "--", ...live);
  assert.equal(recorded.status, 0, recorded.stderr);
  const counts = (result: Result) => {
    const exits = jsonLines(result).flatMap((line) => line.exits);
    return exits.map(({ name, count }) => `${name} ${count.total}`).sort();
  };
  const reported = counts(run("kvm-trace", "report", "--json", "--table", "time", FILE));
  assert.ok(reported.includes("CPUID 200"));
  assert.deepEqual(reported, counts(recorded));
});

test("a timeline has a slice for each exit", () => {
  const out = join(FOLDER, "out.json.gz");
  run("kvm-trace", "record", "-o", FILE, "--", GUEST, ...WORKLOAD);
  assert.equal(run("kvm-trace", "export", "--perfetto", out, FILE).status, 0);
  const { traceEvents } = JSON.parse(gunzipSync(readFileSync(out)).toString()) as {
    traceEvents: { name: string; ph: string; dur?: number }[];
  };
  for (const [name, count] of Object.entries(PROMISED))
    assert.equal(traceEvents.filter((event) => event.ph === "X" && event.name === name).length, count, name);
  assert.ok(traceEvents.every((event) => event.ph === "M" || (event.dur ?? -1) >= 0));
});

test("a full disk ends the recording with status 1, and leaves a file that reads", () => {
  const disk = mkdtempSync(join(FOLDER, "disk-"));
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "small", disk]).status, 0);
  try {
    const file = join(disk, "trace.bin");
    const recorded = run("kvm-trace", "record", "-o", file, "--", GUEST, "--cpuid", "2000");
    assert.equal(recorded.status, 1, recorded.stderr);
    assert.match(recorded.stderr, /ENOSPC/);
    const report = run("kvm-trace", "report", file);
    assert.deepEqual([report.status, report.stderr], [0, ""]);
  } finally {
    spawnSync("umount", [disk]);
  }
});

test("a signal and a size leave a file that reads to its end", async () => {
  const recorder = new Running("kvm-trace", "record", "-o", FILE);
  await recorder.seen(/Recording/);
  assert.equal((await recorder.end("SIGTERM")).status, 0);
  assert.equal(events().get("END"), 1);
  const limited = run("kvm-trace", "record", "-o", FILE, "--max-size", "4K", "--", GUEST, "--cpuid", "20000");
  assert.equal(limited.status, 0, limited.stderr);
  assert.match(limited.stderr, /; it ended before its time/);
  assert.ok(statSync(FILE).size <= 4096);
  assert.equal(events().get("END"), 1);
});

test("a process that isn't there records nothing; an event that isn't there is refused", () => {
  const other = run("kvm-trace", "record", "-p", "1", "-o", FILE, "--", GUEST, "--cpuid", "20");
  assert.match(other.stderr, /^kvm-trace record: 0 events/m);
  const unknown = run("kvm-trace", "record", "--events", "exit,exits");
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /^kvm-trace: --events knows no "exits"; there are entry, exit, nested/);
});
