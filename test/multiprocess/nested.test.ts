// SPDX-License-Identifier: MIT
// Exits of a nested guest: L2 has exactly what the guest in the guest does, and who handled it is what ftrace's log says.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { PROMISED as PROMISED_OF_SVM, PROMISED_OF_VMX, WORKLOAD } from "../lab/counts";
import { EventLog } from "../lab/ftrace";
import { type Exits, type Line, jsonLines, sumOfReason } from "../lab/json";
import { ISA, MODES, TELLING } from "../lab/machine";
import { PROJECT, Running, run } from "../tools";

const TOOL = "kvm-vmexit-count";
const NESTED = join(PROJECT, "lab", "nested");
/** What L2's exits are about, by reason: of each its number, and whether by payload the kernel tells L0 of it. */
const [IO, MSR, CALL, FAULT] =
  ISA === "vmx" ? ["IO_INSTRUCTION", "MSR_", "VMCALL", "EPT_VIOLATION"] : ["IOIO", "MSR", "VMMCALL", "NPF"];
const DETAILS: readonly (readonly [reason: string, text: string, count: number, byPayload: boolean])[] = [
  ["CPUID", "leaf 0x0 (vendor)", 23, false],
  [IO, "out 0x3f8 1 byte (COM1)", 19, true],
  [IO, "in 0x3f8 1 byte (COM1)", 17, true],
  [IO, "out 0xf4 1 byte (ISA debug exit)", 1, true],
  [MSR, "read IA32_PAT (0x277)", 41, false],
  [MSR, "write IA32_PAT (0x277)", 43, false],
  [CALL, "hypercall 0 (KVM)", 11, false],
  // What L1 knows as MMIO is for L0 a page that isn't there.
  [FAULT, "write 0xd0000-0xd0fff (option ROMs)", 13, true],
];
/** What L2 does, and how L1 enters it. */
const { promised: PROMISED, enter: ENTER } =
  ISA === "vmx"
    ? { promised: PROMISED_OF_VMX, enter: "VMRESUME" }
    : { promised: PROMISED_OF_SVM, enter: "VMRUN" };

interface Truth {
  l1: number;
  l2: number;
  reflected: number;
}

const EVENT = /-(\d+) +\[\d+\] \S+ +[\d.]+: (kvm_\w+): (?:vcpu \d+ )?(?:reason:? (\S+))?/g;

/** Who exited and who handled it, by the kernel's name of the reason: an exit is what its thread's next events say. */
function truthOf(log: string): Map<string, Truth> {
  const truth = new Map<string, Truth>();
  const open = new Map<string, { reason: Truth; nested: boolean; reflected: boolean }>();
  const close = (thread: string) => {
    const exit = open.get(thread);
    if (!exit) return;
    exit.reason[exit.nested ? "l2" : "l1"]++;
    if (exit.reflected) exit.reason.reflected++;
    open.delete(thread);
  };
  for (const [, thread = "", event, name = ""] of log.matchAll(EVENT)) {
    const exit = open.get(thread);
    if (event === "kvm_exit") {
      close(thread);
      let reason = truth.get(name);
      if (!reason) truth.set(name, (reason = { l1: 0, l2: 0, reflected: 0 }));
      open.set(thread, { reason, nested: false, reflected: false });
    } else if (exit && event === "kvm_nested_vmexit") exit.nested = true;
    else if (exit?.nested && event === "kvm_nested_vmexit_inject") exit.reflected = true;
  }
  for (const thread of [...open.keys()]) close(thread);
  return truth;
}

const inOrder = (counts: readonly Truth[]) =>
  counts
    .map(({ l1, l2, reflected }) => [l1, l2, reflected].join(" "))
    .filter((row) => row !== "0 0 0")
    .sort();

/** L2's details are what it did, at its level; those that the kernel doesn't tell are `unknown`, and their number is. */
function assertDetails(mode: string, counted: readonly Exits[]): void {
  for (const { name, count, details } of counted)
    for (const level of ["total", "l1", "l2"] as const)
      if (details)
        assert.equal(
          details.reduce((sum, detail) => sum + detail.count[level], 0),
          count[level],
          `${mode}: ${name}`,
        );
  // SVM's VMCB tells each detail: of L1, which is Linux that boots, as well.
  if (mode === "direct" && ISA === "svm")
    for (const { name, details = [] } of counted)
      assert.ok(!details.some(({ text }) => text === "unknown"), `${mode}: ${name}`);
  const of = (reason: string, text: string) =>
    counted
      .filter(({ name }) => name.startsWith(reason))
      .flatMap(({ details = [] }) => details.filter((detail) => detail.text === text))
      .reduce((sum, detail) => sum + detail.count.l2, 0);
  const unknown = new Map<string, number>();
  for (const [reason, text, number, byPayload] of DETAILS) {
    const told = mode === "direct" || byPayload;
    assert.equal(of(reason, text), told ? number : 0, `${mode}: ${reason}: ${text}`);
    unknown.set(reason, (unknown.get(reason) ?? 0) + (told ? 0 : number));
  }
  for (const [reason, number] of unknown) assert.equal(of(reason, "unknown"), number, `${mode}: ${reason}`);
}

test("L2 and who handled it: the nested guest's own numbers, and ftrace's, however the programs attach", async () => {
  const log = new EventLog("nested", "kvm_exit", "kvm_nested_vmexit", "kvm_nested_vmexit_inject");
  const table = new Running(TOOL, "--wide");
  const wide = new Running(TOOL, "--wide", "--json");
  const plain = MODES.map((mode) => new Running(TOOL, "--attach", mode, "--json"));
  const timed = MODES.map(
    (mode, i) =>
      new Running(
        "kvm-vmexit-time",
        "--attach",
        mode,
        "--json",
        "--vm",
        "nested-l1",
        "--by",
        ["vm", "vcpu"][i % 2] ?? "",
      ),
  );
  const detailed = TELLING.map(
    (mode) => new Running("kvm-vmexit-time", "--attach", mode, "--details", "--json"),
  );
  const file = join(mkdtempSync(join(tmpdir(), "nested-")), "trace.bin");
  const recorder = new Running("kvm-trace", "record", "--events", "entry,exit,nested", "-o", file);
  for (const tool of [table, wide, ...plain, ...timed, ...detailed, recorder])
    await tool.seen(/(Tracing|Recording)\.\.\./);
  const status = await new Promise((resolve) =>
    spawn(NESTED, WORKLOAD, { stdio: "inherit" }).on("exit", resolve),
  );
  const results = await Promise.all([table, wide, ...plain].map((tool) => tool.end("SIGINT")));
  const times = await Promise.all(timed.map((tool) => tool.end("SIGINT")));
  const details = await Promise.all(detailed.map((tool) => tool.end("SIGINT")));
  const recording = await recorder.end("SIGINT");
  const truth = truthOf(log.end());
  assert.equal(status, 0);
  const [ofTable, ofWide, ...ofPlain] = results;
  assert.ok(ofTable && ofWide);

  const exits = (lines: readonly Line[]): Exits[] => lines.flatMap((line) => line.exits);
  const counted = exits(jsonLines(ofWide));
  const find = (name: string) => counted.find((exit) => exit.name === name);
  for (const [name, count] of Object.entries(PROMISED)) assert.equal(find(name)?.count.l2, count, name);
  assert.ok((find(ENTER)?.count.l1 ?? 0) > 100, "L1 enters L2");
  assert.equal(find(ENTER)?.count.l2, 0);
  // KVM in L1 asks for CPUID and HLT of its guest, and leaves nested page faults to L0 where it has mapped the page.
  for (const name of ["CPUID", "HLT"] as const)
    assert.deepEqual(find(name)?.l2, { reflected: PROMISED[name], handled: 0 }, name);

  const ours = counted.map(({ count, l2 }) => ({
    l1: count.l1,
    l2: count.l2,
    reflected: l2?.reflected ?? NaN,
  }));
  assert.deepEqual(inOrder(ours), inOrder([...truth.values()]), JSON.stringify([...truth]));
  for (const { count, l2 } of counted) assert.equal((l2?.reflected ?? NaN) + (l2?.handled ?? NaN), count.l2);
  const counts = counted.map(({ name, reason, count }) => ({ name, reason, count }));
  assert.doesNotMatch(recording.stderr, /Lost/);
  for (const result of [...ofPlain, run("kvm-trace", "report", "--json", file)])
    assert.deepEqual(
      exits(jsonLines(result)).map(({ name, reason, count }) => ({ name, reason, count })),
      counts,
    );
  for (const result of times)
    for (const [name, count] of Object.entries(PROMISED))
      for (const of of ["count", "timed"] as const)
        assert.equal(
          sumOfReason(jsonLines(result), name, (exits) => (exits.vm === "nested-l1" ? exits[of].l2 : 0)),
          count,
          `${of} of ${name}`,
        );
  for (const [i, mode] of TELLING.entries()) assertDetails(mode, exits(jsonLines(details[i] ?? ofWide)));
  const sum = inOrder(ours).reduce((total, row) => total + Number(row.split(" ")[2]), 0);
  assert.match(ofTable.stdout, new RegExp(`^ +Total +\\d+ +\\d+ +\\d+ +${sum} +\\d+$`, "m"));
  for (const line of ofTable.stdout.split("\n")) assert.ok(line.length <= 80, line);
  console.log(ofTable.stdout);
});
