// SPDX-License-Identifier: MIT
// The arithmetic from snapshots to readings, their differences and groups, without a kernel.
import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { type By, groupSamples } from "../../src/measure/grouping";
import { NOTHING_LOST } from "../../src/measure/lost";
import { type Reading, diff } from "../../src/measure/reading";
import { OTHERS } from "../../src/measure/roster";
import { type Sample, type Samples, sumOf, total } from "../../src/measure/samples";
import { countTable } from "../../src/render/count";
import { PLAIN } from "../../src/render/form";
import { csvHeading, csvLines } from "../../src/render/csv";
import { jsonLine } from "../../src/render/json";
import { titleOf } from "../../src/render/names";
import { type Slot, type Vcpu, intervalsOf, sessionOf, snapshot } from "./snapshots";

const QEMU: readonly Vcpu[] = [{ pid: 100 }, { pid: 101 }];
const NO_TIMES = { timing: false, ended: 8, endedUnread: 8 };

const ABOUT = { tool: "kvm-tool", version: "1", host: undefined, options: {} };

const all = (reading: Reading | undefined): Samples =>
  (reading && groupSamples(reading, "reason")[0]?.[1]) ?? new Map<number, Sample>();
const counts = (reading: Reading | undefined, by: By = "vm") =>
  reading &&
  groupSamples(reading, by).map(([{ vm }, samples]) => [vm?.pid, total(sumOf(samples)).count] as const);
const count = (reading: Reading) => total(sumOf(all(reading))).count;

test("what a vCPU counted stays in the sums when its account is gone", () => {
  const [one, two] = [{ pid: 100 }, { pid: 100 }];
  const session = sessionOf([
    snapshot(
      [one, two],
      [
        { vcpu: 0, reason: 114, count: 3 },
        { vcpu: 1, reason: 114, count: 4 },
      ],
    ),
    snapshot(
      [{ ...one, ended: true }, two],
      [
        { vcpu: 0, reason: 114, count: 5 },
        { vcpu: 1, reason: 114, count: 4 },
      ],
    ),
    snapshot([{ ...two, id: 1 }], [{ vcpu: 0, reason: 114, count: 6 }]),
  ]);
  const before = session.read();
  session.collect();
  const after = session.read();
  assert.equal(count(after), 11);
  assert.equal(count(diff(before, after)), 4);
});

test("exits without an entry count, but not into averages", () => {
  const slots = [
    { vcpu: 0, reason: 120, count: 2, totalNs: 100, maxNs: 70 },
    { vcpu: 0, reason: 120, count: 1, timed: 0 },
    { vcpu: 0, reason: 120, count: 5, level: 2, totalNs: 50, maxNs: 20 },
  ];
  const [reading] = intervalsOf([snapshot(QEMU, slots)]);
  assert.deepEqual(
    [...all(reading).values()],
    [
      {
        isa: "svm",
        reason: 120,
        l1: { count: 3, timed: 2, totalNs: 100, maxNs: 70, buckets: [] },
        l2: { count: 5, timed: 5, totalNs: 50, maxNs: 20, buckets: [] },
        reflected: 0,
      },
    ],
  );
});

test("who handled the exits of L2: in sums, intervals, tables, JSON and CSV", () => {
  const slots = (more: number) => [
    { vcpu: 0, reason: 114, count: 3 },
    { vcpu: 0, reason: 114, count: 2 + more, level: 2 },
    { vcpu: 0, reason: 114, count: 7, level: 2, reflected: 1 },
    { vcpu: 0, reason: 120, count: 5 + more, level: 2, reflected: 1 },
  ];
  const [first, second] = intervalsOf([snapshot(QEMU, slots(0)), snapshot(QEMU, slots(10))], NO_TIMES);
  assert.deepEqual(countTable(all(first), { ...PLAIN, wide: true }), [
    "    Exit reason           Total       L1       L2  L2 to L1  L2 by L0",
    "114 CPUID                    12        3        9         7         2",
    "120 HLT                       5        0        5         5         0",
    "    Total                    17        3       14        12         2",
  ]);
  const groups = [[{}, all(second)]] as const;
  const time = { start: new Date(0), end: new Date(1000), durationNs: 1e9, final: true };
  const line = JSON.parse(jsonLine(ABOUT, time, groups, NOTHING_LOST, "nested")) as {
    exits: { l2: unknown }[];
  };
  assert.deepEqual(
    line.exits.map(({ l2 }) => l2),
    [
      { reflected: 0, handled: 10 },
      { reflected: 10, handled: 0 },
    ],
  );
  assert.equal(csvHeading("nested"), "time,vm,pid,vcpu,isa,reason,name,level,count,reflected,duration_ns");
  assert.deepEqual(csvLines(time, groups, "nested"), [
    "1970-01-01T00:00:01.000Z,,,,svm,114,CPUID,2,10,0,1000000000",
    "1970-01-01T00:00:01.000Z,,,,svm,120,HLT,2,10,10,1000000000",
  ]);
});

test("without times no exit is a timed one", () => {
  const [reading] = intervalsOf([snapshot(QEMU, [{ vcpu: 0, reason: 114, count: 3 }])], NO_TIMES);
  assert.equal(sumOf(all(reading)).l1.timed, 0);
});

test("VMs that ended are shown once more, then only their sum is kept; one that comes back begins at 0", () => {
  const kept = { timing: true, ended: 0, endedUnread: 8 };
  const [web, db] = [{ pid: 100 }, { pid: 101, id: 0 }];
  const slots = (first: number, second: number) => [
    { vcpu: 0, reason: 114, count: first },
    { vcpu: 1, reason: 114, count: second },
  ];
  const session = sessionOf(
    [
      snapshot([web, db], slots(3, 4)),
      snapshot([web, { ...db, ended: true }], slots(3, 9)),
      snapshot([web], slots(5, 0).slice(0, 1)),
      snapshot([web, db], slots(5, 2)),
    ],
    kept,
  );
  const first = session.read();
  session.collect();
  const second = session.read();
  const third = session.read();
  assert.deepEqual(counts(diff(session.opened, first)), [
    [100, 3],
    [101, 4],
  ]);
  assert.deepEqual(counts(diff(first, second)), [
    [100, 2],
    [101, 5],
  ]);
  assert.deepEqual(counts(diff(second, third)), [[101, 2]]);
  assert.deepEqual(counts(diff(first, third)), [
    [0, 5],
    [100, 2],
    [101, 2],
  ]);
  assert.equal(count(third), 5 + 9 + 2);
  assert.equal(titleOf(third.vcpus.get(OTHERS) ?? {}), "VMs and vCPUs that ended earlier");
});

test("twenty thousand VMs that ended leave as much as a few: sums are exact, and a reading copies nothing of them", () => {
  const KEEP = 64;
  let number = 0;
  const next = () => {
    const pids = Array.from({ length: 100 }, (_, i) => 1000 + 100 * number + i);
    number++;
    return snapshot(
      pids.map((pid) => ({ pid, id: 0, ended: true })),
      pids.map((_, vcpu) => ({ vcpu, reason: 114 + (vcpu % 3), count: 7, totalNs: 70, maxNs: 10 + number })),
    );
  };
  const session = sessionOf(Array.from({ length: 200 }, next), {
    timing: true,
    ended: KEEP,
    endedUnread: KEEP,
  });
  let previous = session.opened;
  let sum = 0;
  for (let i = 1; i <= 200; i++) {
    const reading = session.read();
    const interval = diff(previous, reading);
    assert.ok(reading.exits.size <= KEEP + 1 && reading.vcpus.size <= KEEP + 1);
    assert.equal(total(sumOf(all(reading))).maxNs, 10 + i);
    assert.equal(count(interval), 700);
    sum += count(interval);
    // Of a vCPU that ended, all readings have the same samples.
    const kept = [...reading.exits].filter(([key]) => key !== OTHERS && previous.exits.has(key));
    for (const [key, samples] of kept) assert.equal(samples, previous.exits.get(key));
    previous = reading;
  }
  assert.equal(sum, 20_000 * 7);
  assert.deepEqual(
    [...all(previous).values()].map(({ l1 }) => l1.count),
    [68, 66, 66].map((share) => (share * 200 * 7) / 2),
  );
});

test("differences of any two readings add up, and have the longest time of what came in between", () => {
  const exit = fc.record({
    vcpu: fc.nat(3),
    reason: fc.constantFrom(114, 120),
    ns: fc.integer({ min: 1, max: 99 }),
  });
  const step = fc.record({ exits: fc.array(exit, { maxLength: 6 }), ends: fc.option(fc.nat(3)) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 12 }), fc.nat(4), (steps, ended) => {
      // What each vCPU has counted in its present life, by reason.
      const accounts = Array.from({ length: 4 }, () => new Map<number, { count: number; totalNs: number }>());
      const snapshots = steps.map(({ exits, ends }) => {
        const longest = new Map<string, number>();
        for (const { vcpu, reason, ns } of exits) {
          const { count = 0, totalNs = 0 } = accounts[vcpu]?.get(reason) ?? {};
          accounts[vcpu]?.set(reason, { count: count + 1, totalNs: totalNs + ns });
          longest.set(`${vcpu} ${reason}`, Math.max(longest.get(`${vcpu} ${reason}`) ?? 0, ns));
        }
        const slots = accounts.flatMap((reasons, vcpu) =>
          [...reasons].map(([reason, counters]): Slot => ({
            vcpu,
            reason,
            ...counters,
            maxNs: longest.get(`${vcpu} ${reason}`) ?? 0,
            buckets: [[5, counters.count]],
          })),
        );
        const taken = snapshot(
          accounts.map((_, id) => ({ pid: 100, id, ended: id === ends })),
          slots,
        );
        if (ends !== null) accounts[ends]?.clear();
        return taken;
      });
      const session = sessionOf(snapshots, { timing: true, ended, endedUnread: ended });
      const readings = [session.opened, ...steps.map(() => session.read())];
      for (let from = 0; from < readings.length; from++)
        for (let to = from + 1; to < readings.length; to++) {
          const exits = steps.slice(from, to).flatMap((step) => step.exits);
          const [a, b] = [readings[from], readings[to]];
          assert.ok(a && b);
          for (const reason of [114, 120]) {
            const times = exits.filter((exit) => exit.reason === reason).map(({ ns }) => ns);
            const sample: Sample | undefined = [...all(diff(a, b)).values()].find(
              (each) => each.reason === reason,
            );
            assert.equal(sample?.l1.count ?? 0, times.length);
            assert.equal(sample?.l1.buckets[5] ?? 0, times.length);
            assert.equal(
              sample?.l1.totalNs ?? 0,
              times.reduce((sum, ns) => sum + ns, 0),
            );
            assert.equal(sample?.l1.maxNs ?? 0, Math.max(0, ...times));
          }
        }
    }),
  );
});

test("a difference leaves out what didn't happen", () => {
  const [, second] = intervalsOf([
    snapshot(QEMU, [{ vcpu: 0, reason: 114, count: 3 }]),
    snapshot(QEMU, [
      { vcpu: 0, reason: 114, count: 3 },
      { vcpu: 0, reason: 120, count: 1 },
    ]),
  ]);
  assert.deepEqual(
    [...all(second).values()].map((sample) => sample.reason),
    [120],
  );
});

test("the table: by number, negative ones first, unknown ones by number, the sum last", () => {
  const slots = [
    { vcpu: 0, reason: 1024, count: 12345678 },
    { vcpu: 0, reason: 114, count: 2, level: 2 },
    { vcpu: 0, reason: 0xffffffff, count: 1 },
    { vcpu: 0, reason: 0x555, count: 7 },
  ];
  const [reading] = intervalsOf([snapshot(QEMU, slots)]);
  assert.deepEqual(countTable(all(reading), PLAIN), [
    "     Exit reason           Total       L1       L2",
    "  -1 ERR                       1        1        0",
    " 114 CPUID                     2        0        2",
    "1024 NPF                12345678 12345678        0",
    "1365 UNKNOWN                   7        7        0",
    "     Total              12345688 12345686        2",
  ]);
});
