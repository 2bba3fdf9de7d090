// SPDX-License-Identifier: MIT
// kvm-trace on every kernel and processor: it records each entry and exit that ftrace sees, what the guest promises, and
// as many as a live tool counts.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { EventLog } from "../lab/ftrace";
import type { Exits } from "../lab/json";
import { ISA, WORKLOAD } from "../lab/machine";
import { PROJECT, type Result, run } from "../tools";
import { exitsOf, nameOf } from "./output";

const { command, promised } = WORKLOAD;
const FOLDER = mkdtempSync(join(tmpdir(), "trace-"));
const FILE = join(FOLDER, "trace.bin");
const LIVE = [
  process.execPath,
  join(PROJECT, "dist", "bin", "kvm-vmexit-time.js"),
  "--details",
  "--json",
  "--",
];
/** vCPUs of the workload whose instructions have events of KVM's own; only x86 has such events. */
const VCPUS = ISA === "svm" ? 6 : ISA === "vmx" ? 1 : 0;

/** Reasons of the workload of which recordings tell details other than memory's. */
const TOLD: readonly string[] = {
  svm: ["CPUID", "IOIO", "MSR", "VMMCALL"],
  vmx: ["CPUID", "IO_INSTRUCTION", "MSR_READ", "MSR_WRITE", "VMCALL"],
  none: [],
}[ISA === "svm" || ISA === "vmx" ? ISA : "none"];

let recorded: Result;
let log: string;

before(() => {
  const ftrace = new EventLog("trace", "kvm_exit", "kvm_entry");
  recorded = run("kvm-trace", "record", "-o", FILE, "--", ...LIVE, ...command);
  log = ftrace.end();
  assert.equal(recorded.status, 0, recorded.stderr);
  assert.doesNotMatch(recorded.stderr, /Lost/);
});

after(() => {
  rmSync(FOLDER, { recursive: true });
});

test("every entry and exit is recorded, and each of the guest's instructions that has an event of KVM's", () => {
  const { status, stdout, stderr } = run(
    "kvm-trace",
    "format",
    join(PROJECT, "share", "kvmtrace.formats"),
    FILE,
  );
  assert.deepEqual([status, stderr], [0, ""]);
  const counts = new Map<string, number>();
  for (const [, name = ""] of stdout.matchAll(/^\d+ \(\+ *\d+\) (\S+)/gm))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  const logged = (event: string) => log.split(`: ${event}:`).length - 1;
  for (const [name, count] of [
    ["VMEXIT", logged("kvm_exit")],
    ["VMENTRY", logged("kvm_entry")],
    ["MSR_READ", 41 * VCPUS],
    ["MSR_WRITE", 43 * VCPUS],
    ["IO_WRITE", (19 + 1) * VCPUS],
    ["IO_READ", 17 * VCPUS],
    ["HLT", 37 * VCPUS],
    ["VMMCALL", 11 * VCPUS],
    ["END", 1],
    ["unknown", 0],
  ] as const)
    assert.equal(counts.get(name) ?? 0, count, name);
  assert.equal(
    stdout.split("\n").length - 1,
    [...counts.values()].reduce((all, count) => all + count),
  );
});

const rows = (exits: readonly Exits[]) =>
  exits.map((exits) => `${nameOf(exits)} ${exits.count.l1} ${exits.count.l2}`).sort();

test("the report is what the guest promises, and what the live tool counted", () => {
  const { status, stdout, stderr } = run("kvm-trace", "report", "--json", FILE);
  assert.equal(status, 0, stderr);
  const reported = exitsOf(stdout);
  for (const [name, count] of Object.entries(promised))
    assert.equal(reported.find((exits) => nameOf(exits) === name)?.count.total, count, name);
  assert.deepEqual(rows(reported), rows(exitsOf(recorded.stdout)));
});

interface Told {
  readonly name: string;
  readonly details: string;
}

/** How often each detail is told of each reason, `NAME: DETAIL`; memory apart, of which live tools make ranges. */
function tally(told: Iterable<readonly [name: string, detail: string, count: number]>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [name, detail, count] of told) {
    const key = `${name}: ${detail}`;
    if (detail !== "" && count > 0 && !/^(read|write|fetch) 0x/.test(detail))
      counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return new Map([...counts].sort());
}

// Events have the process and the vCPU's number: of two VMs in a process whose vCPUs of one number exit at once, the details
// of one exit may be taken for the other's, so that one has two and the other none.
test("what the recording tells of the exits is what the live tool counted by details", () => {
  const { status, stdout, stderr } = run("kvm-trace", "report", "--slower", "0", "--json", FILE);
  assert.equal(status, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  const slow = lines.flatMap((line) => (JSON.parse(line) as { readonly slow?: Told }).slow ?? []);
  const recordedOnes = tally(slow.map(({ name, details }) => [name, details, 1]));
  const names = new Set([...recordedOnes.keys()].map((key) => key.replace(/:.*/, "")));
  assert.deepEqual([...names].sort(), TOLD);
  const live = exitsOf(recorded.stdout).flatMap(({ name, details = [] }) =>
    names.has(name) ? details.map(({ text, timed }) => [name, text, timed.total] as const) : [],
  );
  const counted = tally(live);
  assert.deepEqual([...recordedOnes.keys()], [...counted.keys()]);
  const untold = new Map<string, number>();
  for (const { name, details } of slow) if (details === "") untold.set(name, (untold.get(name) ?? 0) + 1);
  for (const [key, count] of counted) {
    const told = recordedOnes.get(key) ?? 0;
    const open = untold.get(key.replace(/:.*/, "")) ?? 0;
    assert.ok(
      told <= count && told >= count - Math.min(open, VCPUS),
      `${key}: ${told} of ${count}, ${open} without`,
    );
  }
});
