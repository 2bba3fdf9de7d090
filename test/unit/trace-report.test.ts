// SPDX-License-Identifier: MIT
// kvm-trace report and export of recordings made up here: filters, slow exits, timelines, damaged time stamps.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import Ajv from "ajv";
import { ISA } from "../../src/contract";
import { table } from "../../src/render/table";
import { vmRecords } from "../../src/trace/encode";
import { EVENT, UNKNOWN_VCPU } from "../../src/trace/events";
import { PROJECT, run } from "../tools";
import { record } from "./trace";

const FOLDER = mkdtempSync(join(tmpdir(), "trace-report-"));

after(() => {
  rmSync(FOLDER, { recursive: true });
});

const CPUID = 0x72;
const IOIO = 0x7b;
const MSR = 0x7c;
const HLT = 0x78;
const NPF = 0x400;
const SVM = 2;
/** 2026-11-21T10:00:00Z, with a clock in ns. */
const START_MS = Date.UTC(2026, 10, 21, 10);

const begin = (ms = START_MS) =>
  record({
    event: EVENT.recording,
    pid: 1,
    vcpu: 0,
    time: undefined,
    words: [1, 1000, ms % 2 ** 32, Math.floor(ms / 2 ** 32)],
  });
const end = (lost = 0) => record({ event: EVENT.end, pid: 1, vcpu: 0, time: undefined, words: [lost, 0] });
const event = (id: number, time: number, words: readonly number[], pid = 7, vcpu = 0) =>
  record({ event: id, pid, vcpu, time: BigInt(time), words });
/** vCPU n of process p is thread p * 10 + n. */
const exit = (time: number, code: number, pid = 7, vcpu = 0) =>
  event(EVENT.exit, time, [code, 0x1000, 1, SVM, pid * 10 + vcpu], pid, vcpu);
const entry = (time: number, pid = 7, vcpu = 0) => event(EVENT.entry, time, [pid * 10 + vcpu], pid, vcpu);

function fileOf(name: string, ...records: readonly Buffer[]): string {
  const path = join(FOLDER, name);
  writeFileSync(path, Buffer.concat(records));
  return path;
}

function report(...parameters: string[]): string {
  const { status, stdout, stderr } = run("kvm-trace", "report", ...parameters);
  assert.equal(status, 0, stderr);
  return stdout;
}

const UUID = "0c8ae5a0-7a3b-4d6e-9f10-aabbccddeeff";

test("a recording's VMs have the names and uuids that it tells, whatever they are", () => {
  const named = (pid: number, name: string, uuid?: string) =>
    Buffer.from(new Uint8Array(vmRecords(pid, name, uuid).buffer));
  const hostile = `\u001b[2J\u202e${"日本語の長い名前".repeat(9)}`;
  const file = fileOf(
    "named.bin",
    begin(),
    named(7, "web-1", UUID),
    exit(100, CPUID),
    entry(300),
    named(8, hostile),
    exit(400, CPUID, 8),
    entry(500, 8),
    exit(600, CPUID, 9),
    entry(800, 9),
    // One whose first part is missing, and one that would be longer than any.
    named(9, "x".repeat(40)).subarray(32),
    event(EVENT.vmName, 850, [0xffff0000, 0x41414141, 0, 0, 0], 9),
    end(),
  );
  const vms = report("--by", "vm", file);
  assert.match(vms, /^VM web-1 \(7\)$/m);
  assert.match(vms, /^VM \\x1b\[2J\\u202e日本語の長い名前.*名前 \(8\)$/m);
  assert.match(vms, /^VM pid 9 \(9\)$/m);
  for (const vm of ["web-*", UUID.toUpperCase(), "7"])
    assert.match(report("--vm", vm, file), /^ *114 CPUID +1 /m, vm);
  assert.match(report("--json", "--by", "vm", file), /"vm":"web-1","pid":7/);
  const formats = join(PROJECT, "share", "kvmtrace.formats");
  const { stdout } = run("kvm-trace", "format", formats, file);
  assert.match(stdout, / VM_NAME pid = 7 \[ web-1 \]$/m);
  assert.match(stdout, new RegExp(` VM_UUID pid = 7 \\[ ${UUID} \\]$`, "m"));
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u001b\u0080-\uffff]/);
  const wide = run("kvm-trace", "report", "--slower", "0.0001", "--wide", file).stdout;
  assert.match(wide, / web-1 7 vCPU 0 /);
});

/** Name, number and average time of each reason. */
function totals(...files: string[]): string[] {
  const lines = report("--table", "time", ...files).matchAll(/^ *\d+ ([A-Z]+) +(\d+) \( *([-\d]+)\)/gm);
  return Array.from(lines, (match) => match.slice(1).join(" "));
}

interface Slice {
  ph: string;
  name: string;
  pid: number;
  tid: number;
  ts: number;
  dur: number;
  args: Record<string, unknown>;
}

function timeline(...files: string[]): Slice[] {
  const out = join(FOLDER, "out.json");
  const { status, stderr } = run("kvm-trace", "export", "--perfetto", out, ...files);
  assert.equal(status, 0, stderr);
  return (JSON.parse(readFileSync(out, "utf8")) as { traceEvents: Slice[] }).traceEvents;
}

const slicesOf = (events: readonly Slice[]) => events.filter(({ ph }) => ph === "X");

const MS = 1_000_000;
const SEVERAL = fileOf(
  "several.bin",
  begin(),
  entry(0),
  exit(1 * MS, IOIO),
  event(EVENT.portWrite, 2 * MS, [0x3f8, 1, 65, 70]),
  event(EVENT.userspaceExit, 2 * MS, [2, 0, 70]),
  exit(2 * MS, CPUID, 8, 1),
  entry(4 * MS),
  entry(5 * MS, 8, 1),
  exit(6 * MS, MSR),
  event(EVENT.msrRead, 6 * MS, [0x10, 5, 1, 70]),
  entry(10 * MS),
  exit(11 * MS, NPF),
  event(EVENT.pageFault, 11 * MS, [4, 0xfee00000, 1, 70]),
  entry(16 * MS),
  exit(17 * MS, HLT),
  end(),
);

test("--slower prints what kvm-vmexit-slower prints of each: lines, details, JSON, CSV", () => {
  assert.equal(
    report("--slower", "3", SEVERAL),
    " 123 IOIO                3000000 (L1)\n 114 CPUID               3000000 (L1)\n" +
      " 124 MSR                 4000000 (L1)\n1024 NPF                 5000000 (L1)\n",
  );
  assert.equal(
    report("--slower", "3.5", "--wide", "--unit", "ms", SEVERAL),
    " 124 MSR                   4.000 (L1) pid 7 7 vCPU 0 rip 0x100001000 read IA32_TIME_STAMP_COUNTER (0x10)\n" +
      "1024 NPF                   5.000 (L1) pid 7 7 vCPU 0 rip 0x100001000 read 0x1fee00000-0x1fee00fff\n",
  );
  const validate = new Ajv({ strict: false, formats: { "date-time": true } }).compile(
    JSON.parse(readFileSync(join(PROJECT, "docs", "kvm-vmexit.schema.json"), "utf8")) as object,
  );
  const lines = report("--slower", "3", "--json", SEVERAL).trimEnd().split("\n");
  for (const line of lines) assert.ok(validate(JSON.parse(line)), JSON.stringify(validate.errors));
  assert.equal(
    lines[0],
    '{"schema":"kvm-vmexit/2","tool":"kvm-trace report","time":"2026-11-21T10:00:00.004Z","slow":{"vm":"pid 7",' +
      '"pid":7,"tid":70,"vcpu":0,"isa":"svm","reason":123,"name":"IOIO","level":1,"ns":3000000,' +
      '"rip":"0x100001000","details":"out 0x3f8 1 byte (COM1)",' +
      '"detail":{"kind":"port","write":true,"port":1016,"bytes":1,"string":false}}}',
  );
  assert.match(
    lines[4] ?? "",
    /"start":"2026-11-21T10:00:00.000Z","end":"2026-11-21T10:00:00.017Z","durationNs":17000000,"final":true/,
  );
  assert.equal(lines.length, 5);
  assert.equal(
    report("--slower", "5", "--csv", SEVERAL),
    "time,vm,pid,vcpu,isa,reason,name,level,ns,rip,details\n" +
      "2026-11-21T10:00:00.016Z,pid 7,7,0,svm,1024,NPF,1,5000000,0x100001000,read 0x1fee00000-0x1fee00fff\n",
  );
  const { status, stderr } = run("kvm-trace", "report", "--slower", "1", "--table", "time", SEVERAL);
  assert.equal(status, 2);
  assert.match(stderr, /^kvm-trace report: .*--table.*\n$/);
});

test("-T puts the time of day first, where the recording tells it", () => {
  assert.match(report("--slower", "5", "-T", SEVERAL), /^\d\d:00:00\.016 1024 NPF/);
  const { status, stderr } = run(
    "kvm-trace",
    "report",
    "--slower",
    "0",
    "-T",
    fileOf("no.bin", begin(0), exit(1, HLT), entry(2)),
  );
  assert.equal(status, 2);
  assert.match(stderr, /the recording doesn't tell when it began; leave -T out\n/);
});

test("reports take the live tools' filters", () => {
  const names = (...parameters: string[]) =>
    [...report(...parameters, SEVERAL).matchAll(/^ *\d+ ([A-Z]+)/gm)].map(([, name]) => name).join();
  assert.equal(names(), "CPUID,HLT,IOIO,MSR,NPF");
  assert.equal(names("-p", "8"), "CPUID");
  assert.equal(names("--vcpu", "0"), "HLT,IOIO,MSR,NPF");
  assert.equal(names("--vm", "pid 8*"), "CPUID");
  assert.equal(names("--reasons", "hlt,123"), "HLT,IOIO");
  assert.equal(names("--excludes", "HLT", "--vcpu", "0"), "IOIO,MSR,NPF");
  assert.equal(names("--slower", "0", "--reasons", "MSR,HLT"), "MSR");
  const wrong = run("kvm-trace", "report", "--reasons", "HTL", SEVERAL);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /"HTL" is not an exit reason of .*svm; the nearest are HLT/);
  const none = run("kvm-trace", "report", "--vm", "web1", SEVERAL);
  assert.equal(none.stderr, 'There were no exits of VMs called "web1"; there were of "pid 7", "pid 8".\n');
  const unknown = fileOf("isa.bin", begin(), event(EVENT.exit, 1, [5, 0, 0, 9, 70]), end());
  assert.match(report("--excludes", "HLT", unknown), / 5 UNKNOWN +1 /);
});

test("a recording without exits is said to have none, above an empty table whatever it is by", () => {
  const file = fileOf("empty.bin", begin(), entry(1), end());
  for (const by of ["reason", "vm", "vcpu"]) {
    const { status, stdout, stderr } = run("kvm-trace", "report", "--by", by, file);
    assert.deepEqual([status, stderr], [0, "There are no exits in the recording.\n"]);
    assert.match(stdout, /Exit reason.*\n +Total +0 +0 +0\n$/);
  }
});

test("what a recording without an end lost is unknown, in the JSON too", () => {
  const lost = (...records: Buffer[]) => {
    const { stdout } = run("kvm-trace", "report", "--json", fileOf("lost.bin", ...records));
    return (JSON.parse(stdout) as { lost: { eventsDropped: number } | null }).lost;
  };
  assert.equal(lost(begin(), exit(1, HLT)), null);
  assert.equal(lost(begin(), exit(1, HLT), end(3), begin(), exit(5, HLT)), null);
  assert.equal(lost(begin(), exit(1, HLT), end(3), begin(), exit(5, HLT), end(4))?.eventsDropped, 7);
});

test("a start that is no date is none", () => {
  for (const ms of [2 ** 64 - 2 ** 12, 9e15]) {
    const file = fileOf("date.bin", begin(ms), exit(1, HLT), entry(2), end());
    assert.match(report("--json", file), /"start":"1970-01-01T00:00:00.000Z"/);
    assert.match(report("--csv", file), /\n1970-01-01T00:00:00.000Z,/);
    assert.equal(slicesOf(timeline(file)).length, 1);
  }
  const late = fileOf("late.bin", begin(253_402_300_799_000), exit(1, HLT), entry(1e13), end());
  assert.match(report("--json", late), /"end":"9999-12-31T23:59:59.999Z"/);
});

test("of several recordings each is read apart: no exit of one is ended by another's entry", () => {
  const first = [begin(), entry(100), exit(200, CPUID), entry(300), exit(400, HLT), end()];
  const second = [begin(), entry(10_000_000_400), exit(10_000_000_500, CPUID), entry(10_000_000_600), end()];
  const expected = ["CPUID 2 100", "HLT 1 -"];
  assert.deepEqual(totals(fileOf("r1", ...first), fileOf("r2", ...second)), expected);
  assert.deepEqual(totals(fileOf("r12", ...first, ...second)), expected);
  // A recorder that was killed writes no END.
  assert.deepEqual(totals(fileOf("killed", ...first.slice(0, -1)), fileOf("r2", ...second)), expected);
  assert.deepEqual(totals(fileOf("k12", ...first.slice(0, -1), ...second)), expected);
  const guests = slicesOf(timeline(fileOf("r1", ...first), fileOf("r2", ...second))).filter(
    ({ name }) => name === "guest",
  );
  assert.deepEqual(
    guests.map(({ dur }) => dur),
    [0.1, 0.1, 0.1],
  );
});

test("an entry before its exit is damage: the exit is counted, has no time, and no slice is negative", () => {
  const file = fileOf(
    "back.bin",
    begin(),
    exit(5000, HLT),
    entry(3000),
    exit(2000, CPUID),
    entry(2500),
    end(),
  );
  assert.deepEqual(totals(file), ["CPUID 1 500", "HLT 1 -"]);
  for (const { ts, dur } of slicesOf(timeline(file))) assert.ok(ts >= 0 && dur >= 0, `${ts} ${dur}`);
});

test("slices of a clock whose ticks aren't whole ns never overlap", () => {
  const records: Buffer[] = [];
  for (let i = 0, time = 10n ** 12n; i < 2000; i++) {
    records.push(
      record({ event: EVENT.entry, pid: 7, vcpu: 0, time: (time += BigInt((i * 7919) % 4001)), words: [] }),
    );
    records.push(
      record({
        event: EVENT.exit,
        pid: 7,
        vcpu: 0,
        time: (time += BigInt((i * 104729) % 5003)),
        words: [12, 0, 0],
      }),
    );
  }
  const file = fileOf("ticks.bin", ...records);
  for (const mhz of ["2400", "2399", "3", "1000"]) {
    const slices = slicesOf(timeline("-c", mhz, file));
    assert.equal(slices.length, 3999 + 1);
    let last = 0;
    for (const { ts, dur } of slices) {
      const start = Math.round(ts * 1000);
      assert.ok(start >= last, `${mhz} MHz: ${ts} begins before ${last} ns`);
      last = start + Math.round(dur * 1000);
    }
  }
});

test("a timeline's arguments have names, and say what was left out", () => {
  const slices = slicesOf(timeline(SEVERAL));
  const args = (name: string) => slices.find((slice) => slice.name === name)?.args;
  assert.equal(args("IOIO")?.["portWrite"], "port 0x3f8, size 0x1, value 0x41");
  assert.equal(args("MSR")?.["msrRead"], "msr 0x10, data 0x100000005");
  assert.equal(args("NPF")?.["pageFault"], "error 0x4, address 0x1fee00000");
  assert.deepEqual(args("user space"), { reason: "KVM_EXIT_IO" });
  const returned = event(EVENT.userspaceExit, 2, [10, 2 ** 32 - 4, 70]);
  const interrupted = slicesOf(
    timeline(fileOf("eintr.bin", begin(), exit(1, HLT), returned, entry(3), end())),
  );
  assert.deepEqual(interrupted.find(({ name }) => name === "user space")?.args, {
    reason: "KVM_EXIT_INTR",
    errno: -4,
  });
  const wakeups = Array.from({ length: 20 }, (_, i) => event(EVENT.wakeup, 2 + i, [i, 0, 70]));
  const [long] = slicesOf(timeline(fileOf("long.bin", begin(), exit(1, HLT), ...wakeups, entry(99), end())));
  assert.equal(long?.args["omitted"], 4);
  assert.equal(long.args["wakeup"], "ns 0x0");
});

test("an unknown vCPU is called by its thread", () => {
  const who = { pid: 7, vcpu: UNKNOWN_VCPU, time: 5n };
  const words = [0x218, 0, 0, 3, 71];
  const events = timeline(fileOf("arm64.bin", begin(), record({ event: EVENT.exit, ...who, words }), end()));
  const meta = events.filter(({ ph }) => ph === "M").map(({ name, args }) => [name, ...Object.values(args)]);
  assert.deepEqual(meta, [
    ["process_name", "VM 7"],
    ["thread_name", "thread 71"],
    ["thread_sort_index", 71],
  ]);
});

test("exits of other architectures have their names on any host", () => {
  for (const [isa, code, name] of [
    [ISA.riscv64, 0x80000005, "IRQ_S_TIMER"],
    [ISA.ppc64, 0xe00, "H_DATA_STORAGE"],
    [ISA.loong64, 23, "HVC"],
    [ISA.s390x, 0x1c, "WAIT_STATE"],
  ] as const) {
    const other = event(EVENT.exit, 100, [code, 0x1000, 1, isa, 70]);
    assert.match(report(fileOf("other.bin", begin(), other, entry(300), end())), new RegExp(` ${name} +1 `));
  }
});

test("a table of 1,001 rows, drawn in parts, has each of them once and aligned", () => {
  const columns = [
    { heading: "", align: "right", width: 3 },
    { heading: "name", align: "left", width: 5 },
  ] as const;
  const rows = Array.from({ length: 1001 }, (_, i) => [String(i), `n${i}`]);
  assert.deepEqual(table(columns, rows), [
    "     name",
    ...rows.map(([number = "", name = ""]) => `${number.padStart(4)} ${name}`),
  ]);
});
