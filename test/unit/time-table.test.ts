// The table of times: exits without a time, averages that are long, and eighty columns.
import assert from "node:assert/strict";
import test from "node:test";
import { timeTable } from "../../src/render/time";
import { countTable } from "../../src/render/count";
import type { Counters, Samples } from "../../src/measure/samples";

const counters = (count: number, timed: number, totalNs: number): Counters => ({
  count,
  timed,
  totalNs,
  maxNs: totalNs,
  buckets: [],
});
const samples = (l1: Counters): Samples =>
  new Map([[1, { isa: "svm", reason: 1024, l1, l2: counters(0, 0, 0), reflected: 0 }]]);

test("exits of which none has a time have no average, and no longest time", () => {
  const [, row, sum] = timeTable(samples(counters(5, 0, 0)), "ns", true, true);
  assert.match(row ?? "", /^1024 NPF +5 \( +-\) +5 \( +-\) +0 \( +0\) +- +- +- +- +-$/);
  assert.match(sum ?? "", /^ +Total \(Avg Time\) +5 \( +-\) /);
});

test("an average that fits stays a whole number of ns; a longer one has a unit where it would be too wide", () => {
  const row = (totalNs: number) => timeTable(samples(counters(2, 2, totalNs)), "ns", false, false)[0] ?? "";
  assert.match(row(2 * 99_999_999), / 2 \(99999999\) +2 \(99999999\) /);
  assert.match(row(2 * 1_100_000_000), / 2 \( +1\.10s\) +2 \( +1\.10s\) /);
  assert.match(row(2 * 150_000_000), / 2 \( ?150\.0ms\) /);
  // Up to more than an hour for each exit.
  for (const totalNs of [0, 2e8, 1e12, 1e13])
    for (const line of timeTable(samples(counters(2, 2, totalNs)), "ns", false, true))
      assert.ok(line.length <= 80, line);
});

/** Samples of an isa: reason, L1's and L2's count, average in ns. */
function table(
  isa: string,
  ...rows: readonly (readonly [reason: number, l1: number, l2: number, ns: number])[]
): Samples {
  const of = (count: number, ns: number) => counters(count, count, count * ns);
  return new Map(
    rows.map(([reason, l1, l2, ns], key) => [
      key,
      { isa, reason, l1: of(l1, ns), l2: of(l2, ns), reflected: l2 },
    ]),
  );
}

const MANY = 1e10;

for (const [what, isa, ...rows] of [
  ["a quarter of an hour's exits", "svm", [1024, 1e8, 0, 35700], [120, 7, 0, 3e9]],
  ["10^10 exits and AVIC's names", "svm", [1025, MANY, 0, 35700], [1026, 12, 3, 3e9]],
  ["10^10 exits of each level", "svm", [1026, MANY, MANY, 999900], [120, 1, 1, 3600e9]],
  ["long names", "vmx", [43, 5, 7, 35700], [73, 5, 0, 3e9]],
  ["a failed entry", "vmx", [0x80000021, 3, 0, 35700], [12, 5, 7, 3e9]],
  ["a failed entry and 10^10 exits", "vmx", [0x80000021, 3, 0, 35700], [12, MANY, MANY, 999900]],
] as const)
  test(`80 columns are enough for ${what}, and counts keep their digits`, () => {
    const samples = table(isa, ...rows);
    for (const lines of [
      timeTable(samples, "ns", false, true),
      countTable(samples, true, false),
      countTable(samples, true, true),
    ]) {
      assert.ok(Math.max(...lines.map((line) => line.length)) <= 80, lines.join("\n"));
      for (const [, l1, l2] of rows)
        assert.match(lines.join("\n"), new RegExp(` ${l1 + l2}\\b.* ${l1}\\b.* ${l2}\\b`));
    }
  });

test("columns lose empty room first, then they move together, and names are cut at last", () => {
  assert.deepEqual(timeTable(table("vmx", [43, 5, 0, 35700]), "ns", false, true), [
    "    Exit reason            Total (Avg Time)     L1 (Avg Time)      L2 (Avg Time)",
    " 43 TPR_BELOW_THRESHOLD        5 (   35700)      5 (   35700)       0 (       0)",
    "    Total (Avg Time)           5 (   35700)      5 (   35700)       0 (       0)",
  ]);
  assert.deepEqual(timeTable(table("svm", [1026, MANY, 0, 35700]), "ns", false, true), [
    "     Exit reason                        Total(Avg)             L1(Avg) L2(Avg)",
    "1026 AVIC_UNACCELERATED_ACCESS 10000000000(35.7us) 10000000000(35.7us)  0(0ns)",
    "     Total                     10000000000(35.7us) 10000000000(35.7us)  0(0ns)",
  ]);
  assert.deepEqual(timeTable(table("vmx", [0x80000021, MANY, MANY, 35700]), "ns", false, true).slice(0, 2), [
    "           Exit re..          Total(Avg)             L1(Avg)             L2(Avg)",
    "0x80000021 INVALID.. 20000000000(35.7us) 10000000000(35.7us) 10000000000(35.7us)",
  ]);
});
