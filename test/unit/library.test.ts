// The public library: its readings, their differences and groups, without a kernel.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import * as library from "kvm-vmexit";
import {
  type Reading,
  UsageError,
  diff,
  group,
  octaves,
  openSession,
  openSlowSession,
  percentile,
  total,
} from "kvm-vmexit";
import { type Snapshot, openSession as load } from "../../src/native/vmexit";
import { Reader } from "../../src/measure/reading";
import { ReasonFilter } from "../../src/reasons/filter";
import { NOTHING_LOST } from "../../src/measure/lost";
import { PROJECT } from "../tools";

/** tgid, vCPU id (-1: unknown), whether it ended. */
type VcpuRow = readonly [number, number, boolean];
/** Row of the vCPU, reason, level, count, longest time in ns. */
type SlotRow = readonly [number, number, number, number, number];

function snapshot(vcpus: readonly VcpuRow[], slots: readonly SlotRow[], missedEvents = 0): Snapshot {
  return {
    vcpus: {
      tgid: Uint32Array.from(vcpus, ([tgid]) => tgid),
      tid: Uint32Array.from(vcpus, ([tgid], i) => tgid + i + 1),
      vcpuId: Int32Array.from(vcpus, ([, id]) => id),
      // Long before any process that is there now.
      startNs: Float64Array.from(vcpus, () => 1),
      ended: Uint8Array.from(vcpus, ([, , ended]) => Number(ended)),
      comm: vcpus.map(([tgid]) => `vm${tgid % 10}`),
    },
    slots: {
      vcpu: Uint32Array.from(slots, ([vcpu]) => vcpu),
      isa: Uint8Array.from(slots, () => 2),
      level: Uint8Array.from(slots, ([, , level]) => level),
      timed: Uint8Array.from(slots, () => 1),
      reason: Uint32Array.from(slots, ([, reason]) => reason),
      count: Float64Array.from(slots, ([, , , count]) => count),
      totalNs: Float64Array.from(slots, ([, , , count]) => count * 10),
      maxNs: Float64Array.from(slots, ([, , , , maxNs]) => maxNs),
    },
    buckets: {
      slot: Uint32Array.from(slots, (_, i) => i),
      bucket: Uint8Array.from(slots, () => 7),
      count: Float64Array.from(slots, ([, , , count]) => count),
    },
    lost: { ...NOTHING_LOST, missedEvents },
  };
}

const ALIVE: readonly VcpuRow[] = [
  [4000002, 0, false],
  [4000002, 1, false],
  [4000001, 0, false],
];

function readings(): [Reading, Reading] {
  const reader = new Reader(true);
  const first = reader.read(
    snapshot(ALIVE, [
      [0, 114, 1, 5, 90],
      [1, 114, 1, 7, 20],
      [2, 120, 1, 2, 30],
    ]),
  );
  const second = reader.read(
    snapshot(
      [[4000002, 0, true], ...ALIVE.slice(1)],
      [
        [0, 114, 1, 8, 50],
        [1, 114, 1, 7, 0],
        [1, 114, 2, 4, 60],
        [2, 120, 1, 2, 0],
      ],
      3,
    ),
  );
  return [first, second];
}

const summary = (reading: Reading, by: "reason" | "vm" | "vcpu") =>
  group(reading, by).map(({ vm, vcpu, samples }) => [
    vm?.name,
    vcpu,
    samples.map(({ name, l1, l2 }) => [name, l1.count, l2.count]),
  ]);

test("all together, by VM and by vCPU", () => {
  const [, second] = readings();
  const all = [
    ["CPUID", 15, 4],
    ["HLT", 2, 0],
  ];
  assert.deepEqual(summary(second, "reason"), [[undefined, undefined, all]]);
  assert.deepEqual(summary(second, "vm"), [
    ["vm1", undefined, [["HLT", 2, 0]]],
    ["vm2", undefined, [["CPUID", 15, 4]]],
  ]);
  assert.deepEqual(summary(second, "vcpu"), [
    ["vm1", 0, [["HLT", 2, 0]]],
    ["vm2", 0, [["CPUID", 8, 0]]],
    ["vm2", 1, [["CPUID", 7, 4]]],
  ]);
});

test("a difference has what happened in between, and what was lost in between", () => {
  const [first, second] = readings();
  const between = diff(first, second);
  assert.deepEqual(summary(between, "vcpu"), [
    ["vm2", 0, [["CPUID", 3, 0]]],
    ["vm2", 1, [["CPUID", 0, 4]]],
  ]);
  assert.equal(between.lost.missedEvents, 3);
  assert.equal(between.start, first.end);
  assert.equal(between.end, second.end);
  const [sample] = group(between, "reason")[0]?.samples ?? [];
  assert.ok(sample);
  const { buckets, ...counters } = total(sample);
  assert.deepEqual(counters, { count: 7, timed: 7, totalNs: 70, maxNs: 90 });
  assert.deepEqual(octaves(buckets).at(-1), { low: 4, high: 7, count: 7 });
  assert.equal(percentile(buckets, 0.5), 7.5);
});

test("the longest time is kept, although the kernel tells it once", () => {
  const [first, second] = readings();
  for (const reading of [first, second]) {
    const vcpus = group(reading, "vcpu").map(({ samples }) => samples[0]?.l1.maxNs);
    assert.deepEqual(vcpus, [30, 90, 20]);
  }
});

test("grouping leaves a reading as it is", () => {
  const [, second] = readings();
  const before = structuredClone(second.samples);
  group(second, "reason");
  group(second, "vm");
  assert.deepEqual(second.samples, before);
});

test("a vCPU that ended stays in later readings; one without an id is told apart by its thread", () => {
  const reader = new Reader(true);
  reader.read(snapshot([[4000003, -1, true]], [[0, 114, 1, 5, 0]]));
  const last = reader.read(snapshot([], []));
  assert.deepEqual(
    group(last, "vcpu").map(({ vm, vcpu, tid, samples }) => [vm.pid, vcpu, tid, samples[0]?.l1.count]),
    [[4000003, undefined, 4000004, 5]],
  );
});

test("without times no exit is a timed one", () => {
  const reading = new Reader(false).read(snapshot(ALIVE, [[0, 114, 1, 5, 0]]));
  const [sample] = group(reading, "reason")[0]?.samples ?? [];
  assert.deepEqual([sample?.l1.count, sample?.l1.timed], [5, 0]);
});

test("nothing gives no group", () => {
  assert.deepEqual(group(new Reader(true).read(snapshot([], [])), "reason"), []);
});

test("reasons of which none is left are refused", () => {
  assert.throws(
    () => new ReasonFilter("svm", { reasons: "HLT,120", excludes: "hlt,MSR" }),
    (error) =>
      error instanceof UsageError && error.message.includes("leaves out every reason that is asked for"),
  );
  assert.deepEqual([...(new ReasonFilter("svm", { reasons: "HLT,MSR", excludes: "HLT" }).only ?? [])], [124]);
});

/** Calls what its types wouldn't let be called so. */
const call = (what: unknown, ...parameters: unknown[]): unknown =>
  (what as (...parameters: unknown[]) => unknown)(...parameters);

for (const [what, attempt, expected] of [
  [
    "a typo",
    () => call(openSession, { maxVcpu: 8 }),
    /^openSession\(\) has no option "maxVcpu"; it has attach, /,
  ],
  [
    "null for options",
    () => call(openSession, null),
    /^openSession\(\) takes an object of options, not null$/,
  ],
  ["another call's option", () => call(openSession, { reasons: "HLT" }), /has no option "reasons"/],
  ["no options", () => call(openSlowSession), /takes an object of options, not undefined/],
  [
    "a typo of slow",
    () => call(openSlowSession, { thresholdMs: 1 }),
    /no option "thresholdMs"; .*thresholdNs/,
  ],
  ["a threshold", () => call(openSlowSession, { thresholdNs: "1" }), /^thresholdNs takes a whole number/],
  [
    "a way to attach with details",
    () => call(openSlowSession, { thresholdNs: 1, details: true, attach: "direct" }),
    /^details need attach "record"/,
  ],
  ["reasons", () => call(openSlowSession, { thresholdNs: 1, reasons: [78] }), /^reasons takes text/],
  ["excludes", () => call(openSlowSession, { thresholdNs: 1, excludes: 78 }), /^excludes takes text/],
  ["a group", () => call(group, readings()[0], "nope"), /^group\(\) takes reason, vm, vcpu, not "nope"$/],
  ["no group", () => call(group, readings()[0]), /^group\(\) takes reason, vm, vcpu, not undefined$/],
] as const)
  test(`${what} that isn't one is refused by its name`, () => {
    assert.throws(attempt, (error: Error) => error instanceof UsageError && expected.test(error.message));
  });

test("a value that isn't one is the caller's fault, not the machine's", () => {
  const good = { attach: "auto", timing: false, histograms: false, details: false, maxVcpus: 8 };
  for (const wrong of [
    { maxVcpus: -1 },
    { maxVcpus: 1.5 },
    { pids: "1" },
    { attach: "x" },
    { histograms: true },
  ])
    assert.throws(() => call(load, { ...good, ...wrong }), TypeError, JSON.stringify(wrong));
});

test("the library's page, which is in the package, has all of it; the README links nothing that isn't there", () => {
  const page = readFileSync(join(PROJECT, "docs", "library.md"), "utf8");
  assert.ok(Object.keys(library).length > 8);
  for (const name of Object.keys(library)) assert.ok(page.includes(name), name);
  const readme = readFileSync(join(PROJECT, "README.md"), "utf8");
  assert.ok(readme.includes("(docs/library.md)"));
  assert.doesNotMatch(readme, /\]\(src\//);
});
