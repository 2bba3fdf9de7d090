// SPDX-License-Identifier: MIT
// Counts from tracepoints: fields, children, filters, and reasons without names.
import assert from "node:assert/strict";
import test from "node:test";
import type { Counters } from "../../src/native/stat";
import { CHILD_KINDS, childName, childNames, type ChildKind } from "../../src/reasons/kvm-stat";
import type { Isa } from "../../src/reasons";
import { TracepointProvider, indexedEvents } from "../../src/stat/tracepoints";

const EVENTS = indexedEvents(["kvm_pio", "kvm_exit", "kvm_entry", "kvm_userspace_exit"]);

class FakeCounters implements Counters {
  attached: readonly number[] = [];
  pid = 0;
  events = [0, 0, 0, 0];
  children: [kind: number, reason: number, count: number][] = [];
  failures: Record<string, string> = {};
  unplaced = 0;

  attach(events: readonly number[]): Record<string, string> {
    this.attached = events;
    return this.failures;
  }
  filter(pid: number): void {
    this.pid = pid;
  }
  snapshot() {
    return {
      events: Float64Array.from(this.events),
      children: {
        kind: Uint8Array.from(this.children, ([kind]) => kind),
        reason: Uint32Array.from(this.children, ([, reason]) => reason),
        count: Float64Array.from(this.children, ([, , count]) => count),
      },
      unplaced: this.unplaced,
      missedEvents: 0,
    };
  }
  close(): void {
    this.attached = [];
  }
}

function open(wanted: (field: string) => boolean, counters = new FakeCounters(), kind: Isa = "svm") {
  const source = {
    counters,
    events: EVENTS,
    present: new Set(EVENTS),
    kind,
    processOf: (id: number) => id - 1,
  };
  return { counters, provider: new TracepointProvider(source, wanted, 0) };
}

const counted = (provider: TracepointProvider) =>
  Object.fromEntries(
    [...provider.read()].flatMap(([key, { value, delta }]) => (value ? [[key, [value, delta]]] : [])),
  );

test("the two events with children come first, then the others by name", () => {
  assert.deepEqual(EVENTS, ["kvm_exit", "kvm_userspace_exit", "kvm_entry", "kvm_pio"]);
});

test("events and reasons count, the ones of unknown reasons too, and those that count nothing are there", () => {
  const { counters, provider } = open(() => true);
  assert.deepEqual(counters.attached, [0, 1, 2, 3]);
  counters.events = [9, 2, 9, 0];
  counters.children = [
    [2, 0x72, 5],
    [2, 0x999, 3],
    [2, 0xffffffff, 1],
    [4, 2, 2],
    [9, 1, 1],
  ];
  assert.deepEqual(counted(provider), {
    kvm_exit: [9, 9],
    kvm_entry: [9, 9],
    kvm_userspace_exit: [2, 2],
    "kvm_exit(CPUID) kvm_exit": [5, 5],
    "kvm_exit(2457) kvm_exit": [3, 3],
    "kvm_exit(ERR) kvm_exit": [1, 1],
    "kvm_userspace_exit(IO) kvm_userspace_exit": [2, 2],
  });
  assert.deepEqual(provider.read().get("kvm_exit(HLT) kvm_exit"), { value: 0, delta: 0 });
  provider.reset();
  counters.events = [10, 2, 9, 0];
  assert.deepEqual(counted(provider), { kvm_exit: [1, 1] });
});

test("only what is wanted is attached: parents of wanted children too", () => {
  const { counters, provider } = open((field) => field === "kvm_exit(CPUID)" || field === "kvm_pio");
  assert.deepEqual(counters.attached, [0, 3]);
  counters.events = [8, 0, 0, 1];
  counters.children = [
    [2, 0x72, 5],
    [2, 0x78, 3],
  ];
  assert.deepEqual(counted(provider), {
    "kvm_exit(CPUID) kvm_exit": [5, 5],
    kvm_exit: [8, 8],
    kvm_pio: [1, 1],
  });
  provider.setFilter((field) => field.startsWith("kvm_entry"));
  assert.deepEqual(counters.attached, [2]);
});

test("another process counts from zero, by its process's id", () => {
  const { counters, provider } = open(() => true);
  counters.events = [5, 0, 0, 0];
  provider.setPid(43);
  assert.equal(counters.pid, 42);
  assert.deepEqual(counted(provider), {});
  provider.setPid(0);
  assert.equal(counters.pid, 0);
});

test("what isn't counted is told", () => {
  const counters = new FakeCounters();
  counters.failures = { 3: "no such tracepoint" };
  counters.unplaced = 2;
  const { provider } = open(() => true, counters);
  assert.equal(provider.read().has("kvm_pio"), false);
  assert.deepEqual(provider.losses(), [
    "kvm:kvm_pio is not counted: no such tracepoint",
    "2 exits are counted without their reason",
  ]);
});

test("reasons have kvm_stat's names, or the manuals', or their number, and never a blank", () => {
  const named = (kind: ChildKind, ...reasons: number[]) => reasons.map((reason) => childName(kind, reason));
  assert.deepEqual(named("svm", 0x40, 0x41, 0x5f, 0x400, 0x402), [
    "EXCP_BASE",
    "EXCP_DB",
    "LAST_EXCP",
    "NPF",
    "AVIC_UNACCELERATED_ACCESS",
  ]);
  assert.deepEqual(named("vmx", 7, 10, 75, 84, 0x80000021, 0x12345), [
    "INTERRUPT_WINDOW",
    "CPUID",
    "NOTIFY",
    "MSR_READ_IMM",
    "INVALID_STATE_FAILED_VMENTRY",
    "0x12345",
  ]);
  assert.deepEqual(named("arm64", 0, 0x100, 0x200, 0x201, 0x224, 0x23f), [
    "IRQ",
    "EL1_SERROR",
    "UNKNOWN",
    "WFx",
    "DABT_LOW",
    "575",
  ]);
  assert.deepEqual(named("userspace", 2, 15, 37, 43, 99), ["IO", "DCR", "NOTIFY", "SNP_REQ_CERTS", "99"]);
  for (const kind of CHILD_KINDS.values()) for (const name of childNames(kind)) assert.match(name, /^\w+$/);
});
