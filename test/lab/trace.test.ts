// SPDX-License-Identifier: MIT
// kvm-trace on a KVM host: what is recorded is what the guest did, and the live tools count the same.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { END_REASON } from "../../src/trace/events";
import { GUEST, PROJECT, type Result, Running, run } from "../tools";
import { PROMISED, WORKLOAD, assertPromised } from "./counts";
import { EventLog } from "./ftrace";
import { jsonLines } from "./json";

const FOLDER = mkdtempSync(join(tmpdir(), "trace-"));
const FILE = join(FOLDER, "trace.bin");
const FORMATS = join(PROJECT, "share", "kvmtrace.formats");
const TOOLS = join(PROJECT, "dist", "bin");

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

test("returns to user space are printed as the kernel prints them, interrupted ones too", () => {
  const log = new EventLog("userspace", "kvm_userspace_exit");
  const guest = [GUEST, "--cpuid", "7", "--out", "3", "--mmio", "2", "--hlt", "2", "--nap-ms", "100"];
  // Lists add up, as the live tools' do.
  const options = ["-o", FILE, "--events", "userspace", "--events", "cpuid"];
  const recorded = run("kvm-trace", "record", ...options, "--", ...guest);
  const logged = Array.from(log.end().matchAll(/: kvm_userspace_exit: reason (.*)/g), ([, reason]) => reason);
  assert.equal(recorded.status, 0, recorded.stderr);
  const formatted = run("kvm-trace", "format", FORMATS, FILE).stdout;
  const printed = Array.from(
    formatted.matchAll(/ USERSPACE_EXIT .*\[ reason = (.*) \]/g),
    ([, reason]) => reason,
  );
  assert.deepEqual(printed, logged);
  const count = (reason: string) => printed.filter((other) => other === reason).length;
  assert.equal(count("KVM_EXIT_IO (2)"), 3 + 1);
  assert.equal(count("KVM_EXIT_MMIO (6)"), 2);
  // As above, one more on 5.10.
  assert.ok([7, 8].includes(formatted.split(" CPUID ").length - 1));
  assert.ok(count("restart (4)") >= 2, String(printed));
});

test("a recording made while a live tool ran shows the same counts, several VMs of one process told apart", () => {
  const guest = [GUEST, "--cpuid", "50", "--hlt", "20", "--out", "5", "--vms", "2", "--vcpus", "2"];
  const time = [process.execPath, join(TOOLS, "kvm-vmexit-time.js"), "--json", "--by", "vcpu"];
  const recorded = run("kvm-trace", "record", "-o", FILE, "--", ...time, "--", ...guest);
  assert.equal(recorded.status, 0, recorded.stderr);
  const counts = (result: Result) => {
    const exits = jsonLines(result).flatMap((line) => line.exits);
    return exits
      .map(({ vm, pid, vcpu, name, count }) => `${vm} ${pid} ${vcpu} ${name} ${count.l1} ${count.l2}`)
      .sort();
  };
  const report = (by: string) => run("kvm-trace", "report", "--json", "--table", "time", "--by", by, FILE);
  const reported = counts(report("vcpu"));
  assert.equal(reported.filter((row) => / [01] CPUID 100 0$/.test(row)).length, 2);
  assert.deepEqual(reported, counts(recorded));
  // The name that the live tool found, of a VM that began and ended while it was recorded.
  assert.ok(reported.every((row) => row.startsWith("guest ")));
  assert.match(run("kvm-trace", "report", "--vm", "gues?", FILE).stdout, /114 CPUID +200 /);
  assert.equal(counts(report("vm")).filter((row) => / CPUID 200 0$/.test(row)).length, 1);
  assert.ok(counts(report("reason")).includes("undefined undefined undefined CPUID 200 0"));
});

/** What the last line of a formatted recording says. */
function endOf(formatted: string): { lost: number; unwritten: number; because: number } {
  const end = / END lost = (0x\w{16}), unwritten = (0x\w{16}), because = (\d)\n$/.exec(formatted);
  const [lost, unwritten, because] = [Number(end?.[1]), Number(end?.[2]), Number(end?.[3])];
  return { lost, unwritten, because };
}

interface Slice {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur: number;
  args: Record<string, unknown>;
}

test("a timeline has a slice for each exit, on a named thread of a named process, and none over another's end", () => {
  const out = join(FOLDER, "out.json.gz");
  run("kvm-trace", "record", "-o", FILE, "--", GUEST, ...WORKLOAD);
  assert.equal(run("kvm-trace", "export", "--perfetto", out, FILE).status, 0);
  const timeline = JSON.parse(gunzipSync(readFileSync(out)).toString()) as {
    traceEvents: Slice[];
    otherData: { lost: number; unwritten: number };
  };
  assert.deepEqual([timeline.otherData.lost, timeline.otherData.unwritten], [0, 0]);
  const slices = timeline.traceEvents.filter(({ ph }) => ph === "X");
  const names = timeline.traceEvents.filter(({ ph }) => ph === "M");
  assert.equal(slices.length + names.length, timeline.traceEvents.length);
  for (const [name, count] of Object.entries(PROMISED))
    assert.equal(slices.filter((slice) => slice.name === name).length, count, name);
  // Each exit but the last was entered before: all but one of the guest's stretches have both ends.
  assert.ok(slices.filter(({ name }) => name === "guest").length >= 100);
  assert.equal(slices.filter(({ name }) => name === "user space").length, 19 + 17 + 37 + 13);
  const [thread] = slices;
  for (const { pid, tid, ts, dur } of slices) {
    assert.deepEqual([pid, tid], [thread?.pid, thread?.tid]);
    assert.ok(ts >= 0 && dur >= 0);
  }
  const called = (what: string) => names.filter(({ name }) => name === what).map(({ args }) => args["name"]);
  assert.deepEqual(called("process_name"), [`VM guest (${thread?.pid})`]);
  assert.deepEqual(called("thread_name"), ["vCPU 0"]);
  const ends: number[] = [];
  for (const { ts, dur } of slices.sort((a, b) => a.ts - b.ts || b.dur - a.dur)) {
    while (ends.length > 0 && (ends.at(-1) ?? 0) <= ts + 1e-6) ends.pop();
    assert.ok(ts + dur <= (ends.at(-1) ?? Infinity) + 1e-3, "slices lie within each other or apart");
    ends.push(ts + dur);
  }
});

test("what a full ring loses is counted to the event: printed, written down, and shown by all that read it", () => {
  const log = new EventLog("lost", "kvm_exit");
  const guest = [GUEST, "--cpuid", "3000"];
  const exits = ["record", "-o", FILE, "--events", "exit", "--buffer", "4K"];
  const recorded = run("kvm-trace", ...exits, "--", ...guest);
  const logged = log.end().split(": kvm_exit:").length - 1;
  assert.equal(recorded.status, 0, recorded.stderr);
  const lost = Number(
    /^Lost: (\d+) events while the buffer was full; raise --buffer$/m.exec(recorded.stderr)?.[1],
  );
  assert.ok(lost > 0, recorded.stderr);
  const formatted = run("kvm-trace", "format", FORMATS, FILE).stdout;
  assert.equal(formatted.split(" VMEXIT ").length - 1 + lost, logged);
  assert.deepEqual(endOf(formatted), { lost, unwritten: 0, because: END_REASON.asked });
  const message = `Lost: ${lost} events while recording\n`;
  assert.equal(run("kvm-trace", "report", FILE).stderr, message);
  const [line] = jsonLines(run("kvm-trace", "report", "--json", FILE));
  assert.equal(line?.lost["eventsDropped"], lost);
  const out = join(FOLDER, "lost.json");
  assert.equal(run("kvm-trace", "export", "--perfetto", out, FILE).stderr, message);
  assert.match(readFileSync(out, "latin1"), new RegExp(`"otherData":\\{"lost":${lost},"unwritten":0,`));
});

/** Records into a full disk, or up to a size; with what status and words the recorder is to end. */
const SHORT = [
  { options: ["--max-size", "40K"], disk: "1m", status: 0, because: END_REASON.sizeLimit },
  { options: ["--max-size", "4K", "--buffer", "8K"], disk: "1m", status: 0, because: END_REASON.sizeLimit },
  {
    options: ["--max-size", "4097"],
    disk: "1m",
    signal: "SIGTERM",
    status: 0,
    because: END_REASON.sizeLimit,
  },
  { options: [], disk: "64k", status: 1, because: END_REASON.writeFailed },
  { options: [], disk: "64k", signal: "SIGTERM", status: 1, because: END_REASON.writeFailed },
] as const;
const WORDS = {
  [END_REASON.sizeLimit]: [/; it reached --max-size$/m, "it had its --max-size"],
  [END_REASON.writeFailed]: [
    /; it ended before its time$[^]*^kvm-trace record: cannot write .*ENOSPC.*$/m,
    "it could not be written any more, as on a full disk",
  ],
} as const;

test("what does not fit in the file is counted to the event, whatever ends it: printed, written down and shown", async () => {
  for (const [index, { options, disk, status, because, ...also }] of SHORT.entries()) {
    const folder = mkdtempSync(join(FOLDER, "disk-"));
    assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", `size=${disk}`, "small", folder]).status, 0);
    try {
      const file = join(folder, "trace.bin");
      const log = new EventLog(`short${index}`, "kvm_exit");
      const recorder = new Running("kvm-trace", "record", "-o", file, "--events", "exit", ...options);
      await recorder.seen(/Recording/);
      // All that the guest does waits in the rings when the recorder goes on.
      recorder.child.kill("SIGSTOP");
      assert.equal(spawnSync(GUEST, ["--cpuid", "3000"]).status, 0);
      const logged = log.end().split(": kvm_exit:").length - 1;
      if ("signal" in also) recorder.child.kill(also.signal);
      const recorded = await recorder.end("SIGCONT");
      assert.equal(recorded.status, status, recorded.stderr);
      assert.match(recorded.stderr, WORDS[because][0]);
      const formatted = run("kvm-trace", "format", FORMATS, file);
      assert.equal(formatted.stderr, "");
      const exits = formatted.stdout.split(" VMEXIT ").length - 1;
      const end = endOf(formatted.stdout);
      assert.equal(end.because, because);
      assert.ok(end.unwritten > 0);
      assert.equal(end.lost > 0, options.length > 2);
      assert.equal(exits + end.lost + end.unwritten, logged);
      assert.match(
        recorded.stderr,
        new RegExp(`^kvm-trace record: ${exits} events, ${statSync(file).size} bytes`, "m"),
      );
      assert.match(
        recorded.stderr,
        new RegExp(`^Lost: ${end.unwritten} events that did not fit in the file$`, "m"),
      );
      const message = `Lost: ${end.unwritten} events that did not fit in the file: ${WORDS[because][1]}\n`;
      const report = run("kvm-trace", "report", "--json", file);
      assert.ok(report.stderr.endsWith(message), report.stderr);
      assert.equal(jsonLines(report)[0]?.lost["eventsUnwritten"], end.unwritten);
    } finally {
      spawnSync("umount", [folder]);
    }
  }
});

test("a command that still runs when the disk is full is asked to end", () => {
  const disk = mkdtempSync(join(FOLDER, "disk-"));
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "small", disk]).status, 0);
  try {
    const ended = join(FOLDER, "ended");
    const script = `trap 'echo >${ended}; exit' TERM; while :; do ${GUEST} --cpuid 1000; done`;
    const options = ["-o", join(disk, "trace.bin"), "--events", "exit"];
    const recorded = run("kvm-trace", "record", ...options, "--", "bash", "-c", script);
    assert.equal(recorded.status, 1, recorded.stderr);
    while (!existsSync(ended)) spawnSync("sleep", ["0.1"]);
  } finally {
    spawnSync("umount", [disk]);
  }
});

test("signals leave a file that reads to its end; SIGKILL one that reads", async () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const recorder = new Running("kvm-trace", "record", "-o", FILE);
    await recorder.seen(/Recording/);
    assert.equal((await recorder.end(signal)).status, 0);
    assert.equal(events().get("END"), 1, signal);
  }
  const killed = new Running("kvm-trace", "record", "-o", FILE);
  await killed.seen(/Recording/);
  assert.equal(spawnSync(GUEST, ["--cpuid", "500"]).status, 0);
  // An exit, a CPUID and an entry have 104 bytes; then until nothing more comes.
  for (let size = 0; size < 104 * 500 || size !== statSync(FILE).size; size = statSync(FILE).size)
    await new Promise((resolve) => setTimeout(resolve, 200));
  await killed.end("SIGKILL");
  const counts = events();
  assert.deepEqual([counts.get("CPUID"), counts.get("END")], [500, undefined]);
  assert.match(
    run("kvm-trace", "report", FILE).stderr,
    /the recording has no end, so what was lost is unknown/,
  );
});

test("a process that isn't there records nothing; an event that isn't there is refused", () => {
  const other = run("kvm-trace", "record", "-p", "1", "-p", "2", "-o", FILE, "--", GUEST, "--cpuid", "20");
  assert.match(other.stderr, /^kvm-trace record: 0 events/m);
  const missing = run("kvm-trace", "record", "-o", FILE, "--", "/nowhere/guest");
  assert.equal(missing.status, 1);
  assert.match(
    missing.stderr,
    /\nkvm-trace record: cannot run "\/nowhere\/guest" \(ENOENT\); check the command after --\n$/,
  );
  const unknown = run("kvm-trace", "record", "--events", "exit,exits");
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /^kvm-trace record: --events knows no "exits"; there are entry, exit, nested/);
});

test("a recorder that is killed leaves what it knew of losses", async () => {
  const recorder = new Running("kvm-trace", "record", "-o", FILE, "--events", "exit,entry", "--buffer", "4K");
  await recorder.seen(/Recording/);
  assert.equal(spawnSync(GUEST, ["--cpuid", "5000"]).status, 0);
  await recorder.seen(/^Lost: \d+ events so far$/m);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await recorder.end("SIGKILL");
  const { stderr } = run("kvm-trace", "report", FILE);
  assert.match(stderr, /the recording has no end, so what was lost is unknown/);
  assert.match(stderr, /^Lost: [1-9]\d* events while recording, and perhaps more$/m);
});

test("--strict=now ends at the first loss; a second recorder of a file is refused", async () => {
  const recorder = new Running("kvm-trace", "record", "-o", FILE, "--strict=now", "--buffer", "4K");
  await recorder.seen(/Recording/);
  const second = run("kvm-trace", "record", "-o", FILE);
  assert.equal(second.status, 2);
  assert.match(second.stderr, /another process is writing it/);
  const closed = new Promise((resolve) => recorder.child.on("close", resolve));
  assert.equal(spawnSync(GUEST, ["--cpuid", "5000"]).status, 0);
  assert.equal(await closed, 3);
});

test("a CPU that comes online while recording gets a ring of its own", async () => {
  const online = "/sys/devices/system/cpu/cpu1/online";
  writeFileSync(online, "0");
  try {
    const recorder = new Running("kvm-trace", "record", "-o", FILE, "--events", "exit");
    await recorder.seen(/Recording/);
    writeFileSync(online, "1");
    // It looks for CPUs once a second.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.equal(spawnSync("taskset", ["-c", "1", GUEST, "--cpuid", "230"]).status, 0);
    const { stderr } = await recorder.end("SIGINT");
    assert.doesNotMatch(stderr, /Lost/);
    assert.match(run("kvm-trace", "report", FILE).stdout, /114 CPUID +230 /);
  } finally {
    writeFileSync(online, "1");
  }
});

test("a recording begins when all events are recorded, whatever happened while programs were attached", (t) => {
  const guest = spawn(GUEST, ["--cpuid", "1000000000"]);
  t.after(() => guest.kill("SIGKILL"));
  const recorded = run(
    "kvm-trace",
    "record",
    "-o",
    FILE,
    "--events",
    "exit,entry,cpuid",
    "--max-size",
    "256K",
  );
  assert.equal(recorded.status, 0, recorded.stderr);
  const counts = events();
  const of = (name: string) => counts.get(name) ?? 0;
  // One vCPU takes turns; the file ends between two events.
  assert.ok(of("VMEXIT") > 100, recorded.stderr);
  assert.ok(Math.abs(of("VMEXIT") - of("VMENTRY")) <= 1, JSON.stringify([...counts]));
  assert.ok(of("CPUID") > 0.9 * of("VMEXIT"), JSON.stringify([...counts]));
});
