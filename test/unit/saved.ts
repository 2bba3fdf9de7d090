// SPDX-License-Identifier: MIT
// Lines of --json that were never counted: the exits, and the split of time, of made-up seconds.
import { bucketOf } from "../../src/measure/histogram";
import { groupSamples } from "../../src/measure/grouping";
import type { About } from "../../src/measure/lines";
import { NOTHING_LOST } from "../../src/measure/lost";
import { type Groups, type Samples, addToBucket, sampleAt, sampleKey } from "../../src/measure/samples";
import { jsonLine } from "../../src/render/json";
import { splitJsonLine } from "../../src/render/split-lines";
import { makeClock } from "../../src/split/clock";

export const [SVM, CPUID, HLT, MSR] = [2, 114, 120, 124];
export const START = Date.UTC(2026, 10, 29, 9);
export const ABOUT: About = {
  tool: "kvm-vmexit-time",
  version: "0.1.0",
  host: { kernel: "6.1.0", machine: "x86_64", processor: "AMD EPYC", isa: "svm", attach: "direct" },
  options: { by: "vcpu", timing: true, histograms: true },
};

/** Exits of a vCPU: pid, vCPU, reason, times in ns. */
export type Row = readonly [pid: number, vcpu: number, reason: number, times: readonly number[]];

export function exitsOf(rows: readonly Row[]) {
  const exits: Groups = new Map<string, Samples>();
  const vcpus = new Map<string, object>();
  for (const [pid, vcpu, reason, times] of rows) {
    const key = `${pid}:1:${vcpu}`;
    vcpus.set(key, { vm: { pid, startNs: 1, name: `web${pid}`, source: "process" }, vcpu });
    const { l1 } = sampleAt(exits, key, sampleKey(SVM, reason), "svm", reason);
    for (const ns of times) {
      l1.count++;
      l1.timed++;
      l1.totalNs += ns;
      l1.maxNs = Math.max(l1.maxNs, ns);
      addToBucket(l1.buckets, bucketOf(ns), 1);
    }
  }
  return { exits, vcpus };
}

interface LineOptions {
  readonly about?: About;
  readonly columns?: "wide" | "count";
  readonly by?: "vcpu" | "reason";
}

/** The line of the n-th second. */
export function line(
  second: number,
  rows: readonly Row[],
  { about = ABOUT, columns = "wide", by = "vcpu" }: LineOptions = {},
) {
  const start = new Date(START + second * 1000);
  const time = { start, end: new Date(START + (second + 1) * 1000), durationNs: 1e9, final: false };
  const reading = exitsOf(rows);
  return jsonLine(about, time, groupSamples(reading, by), NOTHING_LOST, columns, reading.exits.size);
}

/** A vCPU's second: ms of the guest, of the VMM, idle, and waiting. */
export type Split = readonly [
  pid: number,
  vcpu: number,
  guest: number,
  vmm: number,
  idle: number,
  waiting: number,
];

export function splitLine(second: number, rows: readonly Split[]): string {
  const start = new Date(START + second * 1000);
  const time = { start, end: new Date(START + (second + 1) * 1000), durationNs: 1e9, final: false };
  const groups = rows.map(([pid, vcpu, guest, vmm, idle, waiting]) => {
    const ms: Readonly<Record<string, number>> = { guest, vmm, idle, waiting };
    const waits: number[] = [];
    addToBucket(waits, bucketOf(waiting * 1e6), 1);
    const clock = makeClock(
      (activity) => (ms[activity] ?? 0) * 1e6,
      (count) => (count === "exits" ? 100 : 10),
      (maximum) => (maximum === "maxWaitNs" ? waiting * 1e6 : 0),
      waits,
    );
    return { vm: { pid, startNs: 1, name: `web${pid}`, source: "process" }, vcpu, clock, vcpus: 1 } as const;
  });
  const about = { ...ABOUT, tool: "kvm-vmexit-split", options: { by: "vcpu" } };
  return splitJsonLine(about, { ...time, lost: NOTHING_LOST }, groups);
}

export const SECONDS: readonly (readonly Row[])[] = [
  [
    [7, 0, CPUID, [1000, 1100, 90_000]],
    [7, 0, HLT, [50_000]],
  ],
  [
    [7, 1, CPUID, [1000]],
    [8, 0, MSR, [700, 700]],
  ],
  [[8, 0, MSR, [31_000]]],
];
