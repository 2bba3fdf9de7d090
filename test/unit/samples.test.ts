// The arithmetic from snapshots to samples, without a kernel.
import assert from "node:assert/strict";
import test from "node:test";
import type { Snapshot } from "../../src/native/vmexit";
import { countTable } from "../../src/render/count";
import { csvHeading, csvLines } from "../../src/render/csv";
import { jsonLine } from "../../src/render/json";
import { NOTHING_LOST } from "../../src/measure/lost";
import { Ledger } from "../../src/measure/ledger";
import { type Sample, type Samples, difference } from "../../src/measure/samples";

interface Slot {
  readonly vcpu: number;
  readonly reason: number;
  readonly count: number;
  readonly level?: number;
  readonly timed?: number;
  readonly reflected?: number;
  readonly totalNs?: number;
  readonly maxNs?: number;
}

function snapshot(ended: readonly number[], slots: readonly Slot[]): Snapshot {
  const column = (value: (slot: Slot) => number) => Float64Array.from(slots, value);
  return {
    vcpus: {
      tgid: Uint32Array.from(ended, (_, i) => 100 + i),
      tid: Uint32Array.from(ended, (_, i) => 200 + i),
      vcpuId: Int32Array.from(ended, (_, i) => i),
      startNs: Float64Array.from(ended, () => 5),
      ended: Uint8Array.from(ended),
      comm: ended.map(() => "qemu"),
    },
    slots: {
      vcpu: Uint32Array.from(slots, (slot) => slot.vcpu),
      isa: Uint8Array.from(slots, () => 2),
      level: Uint8Array.from(slots, (slot) => slot.level ?? 1),
      timed: Uint8Array.from(slots, (slot) => slot.timed ?? 1),
      reflected: Uint8Array.from(slots, (slot) => slot.reflected ?? 0),
      reason: Uint32Array.from(slots, (slot) => slot.reason),
      count: column((slot) => slot.count),
      totalNs: column((slot) => slot.totalNs ?? 0),
      maxNs: column((slot) => slot.maxNs ?? 0),
    },
    buckets: { slot: new Uint32Array(), bucket: new Uint8Array(), count: new Float64Array() },
    lost: NOTHING_LOST,
  };
}

const ALL = () => "";

test("what a vCPU counted stays in the sums when its record is gone", () => {
  const ledger = new Ledger(ALL, true);
  ledger.update(
    snapshot(
      [0, 0],
      [
        { vcpu: 0, reason: 114, count: 3 },
        { vcpu: 1, reason: 114, count: 4 },
      ],
    ),
  );
  const before = ledger.totals();
  ledger.update(
    snapshot(
      [1, 0],
      [
        { vcpu: 0, reason: 114, count: 5 },
        { vcpu: 1, reason: 114, count: 4 },
      ],
    ),
  );
  ledger.update(snapshot([0], [{ vcpu: 0, reason: 114, count: 6 }]));
  const sample = [...(ledger.totals().get("")?.values() ?? [])][0];
  assert.equal(sample?.l1.count, 11);
  assert.equal([...(difference(before, ledger.totals()).get("")?.values() ?? [])][0]?.l1.count, 4);
});

test("exits without an entry count, but not into averages", () => {
  const ledger = new Ledger(ALL, true);
  const slots = [
    { vcpu: 0, reason: 120, count: 2, totalNs: 100, maxNs: 70 },
    { vcpu: 0, reason: 120, count: 1, timed: 0 },
    { vcpu: 0, reason: 120, count: 5, level: 2, totalNs: 50, maxNs: 20 },
  ];
  ledger.update(snapshot([0], slots));
  const [sample] = [...(ledger.totals().get("")?.values() ?? [])];
  assert.deepEqual(sample, {
    isa: "svm",
    reason: 120,
    l1: { count: 3, timed: 2, totalNs: 100, maxNs: 0, buckets: [] },
    l2: { count: 5, timed: 5, totalNs: 50, maxNs: 0, buckets: [] },
    reflected: 0,
  });
});

test("who handled the exits of L2: in sums, intervals, tables, JSON and CSV", () => {
  const ledger = new Ledger(ALL, false);
  const slots = (more: number) => [
    { vcpu: 0, reason: 114, count: 3 },
    { vcpu: 0, reason: 114, count: 2 + more, level: 2 },
    { vcpu: 0, reason: 114, count: 7, level: 2, reflected: 1 },
    { vcpu: 0, reason: 120, count: 5 + more, level: 2, reflected: 1 },
  ];
  ledger.update(snapshot([0], slots(0)));
  assert.deepEqual(countTable(ledger.interval().get("") ?? new Map<number, Sample>(), true, true), [
    "    Exit reason           Total       L1       L2  L2 to L1  L2 by L0",
    "114 CPUID                    12        3        9         7         2",
    "120 HLT                       5        0        5         5         0",
    "    Total                    17        3       14        12         2",
  ]);
  ledger.update(snapshot([0], slots(10)));
  const groups = [...ledger.interval().values()].map((samples) => [{}, samples] as const);
  const interval = { start: new Date(0), end: new Date(1000), final: true };
  const line = JSON.parse(jsonLine("tool", interval, groups, NOTHING_LOST, "nested")) as {
    exits: { l2: unknown }[];
  };
  assert.deepEqual(
    line.exits.map(({ l2 }) => l2),
    [
      { reflected: 0, handled: 10 },
      { reflected: 10, handled: 0 },
    ],
  );
  assert.equal(csvHeading("nested"), "time,vm,pid,vcpu,isa,reason,name,level,count,reflected");
  assert.deepEqual(csvLines(interval, groups, "nested"), [
    "1970-01-01T00:00:01.000Z,,,,svm,114,CPUID,2,10,0",
    "1970-01-01T00:00:01.000Z,,,,svm,120,HLT,2,10,10",
  ]);
});

test("without times no exit is a timed one", () => {
  const ledger = new Ledger(ALL, false);
  ledger.update(snapshot([0], [{ vcpu: 0, reason: 114, count: 3 }]));
  assert.equal([...(ledger.totals().get("")?.values() ?? [])][0]?.l1.timed, 0);
});

test("groups that ended are shown once more, then forgotten; one that comes back begins at 0", () => {
  const ledger = new Ledger((vcpus, row) => String(vcpus.tgid[row]), true);
  const counts = () =>
    [...ledger.interval()].map(([group, samples]) => [group, [...samples.values()][0]?.l1.count]).sort();
  const slots = (first: number, second: number) => [
    { vcpu: 0, reason: 114, count: first },
    { vcpu: 1, reason: 114, count: second },
  ];
  ledger.update(snapshot([0, 0], slots(3, 4)));
  assert.deepEqual(counts(), [
    ["100", 3],
    ["101", 4],
  ]);
  assert.deepEqual(ledger.forgetEnded(), []);
  ledger.update(snapshot([0, 1], slots(3, 9)));
  ledger.update(snapshot([0], slots(5, 0).slice(0, 1)));
  assert.deepEqual(counts(), [
    ["100", 2],
    ["101", 5],
  ]);
  assert.deepEqual(ledger.forgetEnded(), ["101"]);
  assert.deepEqual([...ledger.totals().keys()], ["100"]);
  ledger.update(snapshot([0, 0], slots(5, 2)));
  assert.deepEqual(counts(), [["101", 2]]);
});

test("a difference leaves out what didn't happen", () => {
  const ledger = new Ledger(ALL, true);
  ledger.update(snapshot([0], [{ vcpu: 0, reason: 114, count: 3 }]));
  const before = ledger.totals();
  ledger.update(
    snapshot(
      [0],
      [
        { vcpu: 0, reason: 114, count: 3 },
        { vcpu: 0, reason: 120, count: 1 },
      ],
    ),
  );
  assert.deepEqual(
    [...(difference(before, ledger.totals()).get("")?.values() ?? [])].map((sample) => sample.reason),
    [120],
  );
});

test("the grouping may leave vCPUs out", () => {
  const ledger = new Ledger((vcpus, row) => (vcpus.tgid[row] === 100 ? "one" : undefined), true);
  ledger.update(
    snapshot(
      [0, 0],
      [
        { vcpu: 0, reason: 1, count: 1 },
        { vcpu: 1, reason: 1, count: 1 },
      ],
    ),
  );
  assert.deepEqual([...ledger.totals().keys()], ["one"]);
});

test("the table: by number, negative ones first, unknown ones by number, the sum last", () => {
  const ledger = new Ledger(ALL, true);
  const slots = [
    { vcpu: 0, reason: 1024, count: 12345678 },
    { vcpu: 0, reason: 114, count: 2, level: 2 },
    { vcpu: 0, reason: 0xffffffff, count: 1 },
    { vcpu: 0, reason: 0x555, count: 7 },
  ];
  ledger.update(snapshot([0], slots));
  assert.deepEqual(countTable(ledger.totals().get("") ?? (new Map() as Samples)), [
    "     Exit reason           Total       L1       L2",
    "  -1 ERR                       1        1        0",
    " 114 CPUID                     2        0        2",
    "1024 NPF                12345678 12345678        0",
    "1365 UNKNOWN                   7        7        0",
    "     Total              12345688 12345686        2",
  ]);
});
