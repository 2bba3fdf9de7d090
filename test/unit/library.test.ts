// SPDX-License-Identifier: MIT
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
import { openSession as load } from "../../src/native/vmexit";
import { ReasonFilter } from "../../src/reasons/filter";
import { PROJECT } from "../tools";
import { type Slot, type Vcpu, sessionOf, snapshot } from "./snapshots";

const ALIVE: readonly Vcpu[] = [
  { pid: 4000002, id: 0 },
  { pid: 4000002, id: 1 },
  { pid: 4000001, id: 0 },
];

/** Row of the vCPU, reason, level, count, longest time in ns. */
function slots(...rows: readonly (readonly [number, number, number, number, number])[]): Slot[] {
  return rows.map(([vcpu, reason, level, count, maxNs]) => {
    const buckets = [[7, count]] as const;
    return { vcpu, reason, level, count, maxNs, totalNs: count * 10, buckets };
  });
}

function readings(): [Reading, Reading] {
  const [first, ...rest] = ALIVE;
  const session = sessionOf([
    snapshot(ALIVE, slots([0, 114, 1, 5, 90], [1, 114, 1, 7, 20], [2, 120, 1, 2, 30])),
    snapshot(
      [{ pid: 4000002, ...first, ended: true }, ...rest],
      slots([0, 114, 1, 8, 50], [1, 114, 1, 7, 0], [1, 114, 2, 4, 60], [2, 120, 1, 2, 0]),
      3,
    ),
  ]);
  return [session.read(), session.read()];
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
  assert.equal(between.lost?.missedEvents, 3);
  assert.equal(between.start, first.end);
  assert.equal(between.end, second.end);
  const [sample] = group(between, "reason")[0]?.samples ?? [];
  assert.ok(sample);
  const { buckets, ...counters } = total(sample);
  assert.deepEqual(counters, { count: 7, timed: 7, totalNs: 70, maxNs: 60 });
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
  const before = structuredClone(second.exits);
  group(second, "reason");
  group(second, "vm");
  assert.deepEqual(structuredClone(second.exits), before);
});

test("a vCPU that ended stays in later readings; one without an id is told apart by its thread", () => {
  const session = sessionOf([
    snapshot([{ pid: 4000003, id: -1, ended: true }], slots([0, 114, 1, 5, 0])),
    snapshot([], []),
  ]);
  session.read();
  assert.deepEqual(
    group(session.read(), "vcpu").map(({ vm, vcpu, tid, samples }) => [
      vm.pid,
      vcpu,
      tid,
      samples[0]?.l1.count,
    ]),
    [[4000003, undefined, 4000004, 5]],
  );
});

test("nothing gives no group", () => {
  assert.deepEqual(group(sessionOf([]).read(), "reason"), []);
});

test("readings are numbers, text and dates: JSON.stringify() takes them", () => {
  const [, second] = readings();
  const line = JSON.parse(JSON.stringify(group(second, "vm"))) as unknown;
  assert.deepEqual(line, structuredClone(group(second, "vm")));
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
  [
    "a way to attach without details",
    () => call(openSession, { details: true, attach: "raw" }),
    /^details and net need attach "direct"/,
  ],
  ["reasons", () => call(openSlowSession, { thresholdNs: 1, reasons: [78] }), /^reasons takes text/],
  ["excludes", () => call(openSlowSession, { thresholdNs: 1, excludes: 78 }), /^excludes takes text/],
  ["a group", () => call(group, readings()[0], "nope"), /^group\(\) takes reason, vm, vcpu, not "nope"$/],
  ["no group", () => call(group, readings()[0]), /^group\(\) takes reason, vm, vcpu, not undefined$/],
] as const)
  test(`${what} that isn't one is refused by its name`, () => {
    assert.throws(
      attempt,
      (error: Error) => error instanceof UsageError && expected.test(error.message) && /^E_/.test(error.code),
    );
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

test("the library's page names all that it exports, and the README links the page", () => {
  const page = readFileSync(join(PROJECT, "docs", "library.md"), "utf8");
  assert.ok(Object.keys(library).length > 8);
  for (const name of Object.keys(library)) assert.ok(page.includes(name), name);
  const readme = readFileSync(join(PROJECT, "README.md"), "utf8");
  assert.ok(readme.includes("(docs/library.md)"));
});
