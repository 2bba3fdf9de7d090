// SPDX-License-Identifier: MIT
// The table of times: exits without a time, averages that are long, and eighty columns. The headings of CSV.
import assert from "node:assert/strict";
import test from "node:test";
import { timeTable } from "../../src/render/time";
import { countTable } from "../../src/render/count";
import { csvHeading } from "../../src/render/csv";
import { PLAIN } from "../../src/render/form";
import { table as drawTable } from "../../src/render/table";
import { histogramLines, histogramTitle } from "../../src/render/histogram";
import type { Columns } from "../../src/measure/columns";
import type { Sort } from "../../src/measure/ranking";
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
  const [, row, sum] = timeTable(samples(counters(5, 0, 0)), { ...PLAIN, wide: true, nested: true });
  assert.match(row ?? "", /^1024 NPF +5 \( +-\) +5 \( +-\) +0 \( +0\)( +-)+$/);
  assert.match(sum ?? "", /^ +Total \(Avg ns\) +5 \( +-\) /);
});

test("an average that fits stays a whole number of ns; a longer one has a unit where it would be too wide", () => {
  const row = (totalNs: number) =>
    timeTable(samples(counters(2, 2, totalNs)), { ...PLAIN, heading: false })[0] ?? "";
  assert.match(row(2 * 99_999_999), / 2 \(99999999\) +2 \(99999999\) /);
  assert.match(row(2 * 1_100_000_000), / 2 \( +1\.10s\) +2 \( +1\.10s\) /);
  assert.match(row(2 * 150_000_000), / 2 \( ?150\.0ms\) /);
  // Up to more than an hour for each exit.
  for (const totalNs of [0, 2e8, 1e12, 1e13])
    for (const line of timeTable(samples(counters(2, 2, totalNs)), PLAIN)) assert.ok(line.length <= 80, line);
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
      timeTable(samples, PLAIN),
      countTable(samples, PLAIN),
      countTable(samples, { ...PLAIN, wide: true }),
    ]) {
      assert.ok(Math.max(...lines.map((line) => line.length)) <= 80, lines.join("\n"));
      for (const [, l1, l2] of rows)
        assert.match(lines.join("\n"), new RegExp(` ${l1 + l2}\\b.* ${l1}\\b.* ${l2}\\b`));
    }
  });

test("columns lose empty room first, then they move together, and names are cut at last", () => {
  assert.deepEqual(timeTable(table("vmx", [43, 5, 0, 35700]), PLAIN), [
    "    Exit reason            Total   (Avg ns)     L1   (Avg ns)      L2   (Avg ns)",
    " 43 TPR_BELOW_THRESHOLD        5 (   35700)      5 (   35700)       0 (       0)",
    "    Total (Avg ns)             5 (   35700)      5 (   35700)       0 (       0)",
  ]);
  assert.deepEqual(timeTable(table("svm", [1026, MANY, 0, 35700]), PLAIN), [
    "     Exit reason                        Total(Avg)             L1(Avg) L2(Avg)",
    "1026 AVIC_UNACCELERATED_ACCESS 10000000000(35.7us) 10000000000(35.7us)  0(0ns)",
    "     Total                     10000000000(35.7us) 10000000000(35.7us)  0(0ns)",
  ]);
  assert.deepEqual(timeTable(table("vmx", [0x80000021, MANY, MANY, 35700]), PLAIN).slice(0, 2), [
    "           Exit re..          Total(Avg)             L1(Avg)             L2(Avg)",
    "0x80000021 INVALID.. 20000000000(35.7us) 10000000000(35.7us) 10000000000(35.7us)",
  ]);
});

const MIXED = table("svm", [114, 50, 0, 100], [120, 2, 0, 9000], [124, 7, 0, 700], [1024, 1, 0, 100]);
const names = (lines: readonly string[]) =>
  lines.map((line) => line.trim().split(/ +/).slice(0, 2).join(" "));

test("rows are in the order asked for, those of the same value by number; the rest is summed", () => {
  const order = (sort: Sort, top?: number) =>
    names(timeTable(MIXED, { ...PLAIN, heading: false, sort, top })).slice(0, -1);
  assert.deepEqual(order("number"), ["114 CPUID", "120 HLT", "124 MSR", "1024 NPF"]);
  assert.deepEqual(order("count"), ["114 CPUID", "124 MSR", "120 HLT", "1024 NPF"]);
  assert.deepEqual(order("time"), ["120 HLT", "114 CPUID", "124 MSR", "1024 NPF"]);
  assert.deepEqual(order("avg"), ["120 HLT", "124 MSR", "114 CPUID", "1024 NPF"]);
  assert.deepEqual(order("max", 2), ["120 HLT", "114 CPUID", "2 other"]);
  assert.deepEqual(order("number", 4), order("number"));
  assert.deepEqual(countTable(MIXED, { ...PLAIN, sort: "count", top: 1 }), [
    "    Exit reason           Total       L1       L2",
    "114 CPUID                    50       50        0",
    "    3 other reasons          10       10        0",
    "    Total                    60       60        0",
  ]);
});

test("rates are of the measured time, and say so", () => {
  assert.deepEqual(countTable(MIXED, { ...PLAIN, top: 1, sort: "count", rateNs: 20e9 }), [
    "    Exit reason         Total/s     L1/s     L2/s",
    "114 CPUID                   2.5      2.5      0.0",
    "    3 other reasons         0.5      0.5      0.0",
    "    Total                   3.0      3.0      0.0",
  ]);
  // A rate that is little isn't 0.
  assert.match(countTable(MIXED, { ...PLAIN, rateNs: 50e9 })[4] ?? "", /NPF +0\.02 +0\.02 +0\.0$/);
});

test("a wide table fits the terminal: levels where there was an exit of L2, the least important columns left out by name", () => {
  const wide = (room: number | undefined, nested = false) =>
    timeTable(MIXED, { ...PLAIN, wide: true, room, nested });
  const [heading = ""] = wide(undefined);
  assert.match(heading, /Total +\(Avg ns\) +Max ns +P50 ns +P99 ns +P99\.9 ns +Time%$/);
  assert.equal(wide(undefined).length, 6);
  assert.match(wide(undefined, true)[0] ?? "", /L1 +\(Avg ns\) +L2 +\(Avg ns\) +Max ns/);
  for (const room of [60, 70, 80, 90, 100])
    for (const line of wide(room, true)) assert.ok(line.length <= room, `${room}: ${line}`);
  assert.equal(wide(60, true).at(-1), "No room for L1 (Avg ns), L2 (Avg ns), P50 ns, P99.9 ns");
  assert.doesNotMatch(wide(60, true)[0] ?? "", /L2|P50|P99\.9/);
});

test("CSV has the names that scripts know", () => {
  const names = (columns: Columns) =>
    csvHeading(columns).replace("time,vm,pid,vcpu,isa,reason,name,level,", "");
  assert.equal(names("count"), "count,duration_ns");
  assert.equal(names("nested"), "count,reflected,duration_ns");
  assert.equal(names("time"), "count,timed,total_ns,max_ns,duration_ns");
  assert.equal(names("wide"), "count,timed,total_ns,max_ns,p50_ns,p99_ns,p999_ns,duration_ns");
  assert.equal(names("histogram"), "low_ns,high_ns,count,duration_ns");
});

test("a bar shows the share of the time where the terminal has room", () => {
  const lines = timeTable(MIXED, { ...PLAIN, room: 120 });
  // 18,000 of 28,000 ns; a whole bar has 32 characters.
  assert.match(lines[2] ?? "", /^ 120 HLT .* 64\.29 \*{21}$/);
  assert.match(lines[0] ?? "", / Time%$/);
  assert.deepEqual(timeTable(MIXED, { ...PLAIN, room: 90 }), timeTable(MIXED, PLAIN));
  assert.match(
    timeTable(MIXED, { ...PLAIN, wide: true, room: 150, heading: false })[1] ?? "",
    /64\.29 {2}\*+$/,
  );
});

test("a histogram says of what it is, and is trimmed where it wouldn't fit", () => {
  const buckets = Array.from({ length: 40 }, (_, bucket) => (bucket < 30 ? 0 : 2));
  const all = histogramLines(buckets, { unit: "ns", heading: true });
  assert.equal(all[0], "     value (ns)          : count     distribution");
  const trimmed = histogramLines(buckets, { unit: "ns", heading: true, trim: true });
  assert.match(trimmed[1] ?? "", /^ +256 -> 511 +: 4 +\|/);
  assert.deepEqual(trimmed, [all[0], ...all.slice(9)]);
  assert.deepEqual(histogramLines(buckets, { unit: "ns", heading: true, rows: all.length - 1 }), trimmed);
  assert.deepEqual(histogramLines(buckets, { unit: "ns", heading: true, rows: all.length }), all);
  assert.equal(histogramTitle(counters(20, 20, 2000), "us"), "20 exits, average 0.1 us");
  assert.equal(histogramTitle(counters(3, 1, 700), "ns"), "1 exit, average 700 ns, 2 more without a time");
  assert.equal(histogramTitle(counters(0, 0, 0), "ns"), "0 exits");
});

test("rows line up, whether their names are plain, wide or cut", () => {
  const columns = [
    { heading: "", align: "right", width: 3 },
    { heading: "Name", align: "left", width: 6, least: 4 },
    { heading: "N", align: "right", width: 4 },
  ] as const;
  const rows = [
    ["1", "plain", "7"],
    ["22", "\u{1f40c}snail", "8"],
    ["333", "toolongname", "12345"],
    ["4", "", ""],
  ];
  assert.deepEqual(drawTable(columns, rows, true, 14), [
    "    Name     N",
    "  1 pl..     7",
    " 22 \u{1f40c}..     8",
    "333 to.. 12345",
    "  4",
  ]);
  assert.deepEqual(drawTable(columns, rows, false, 80), [
    "  1 plain           7",
    " 22 \u{1f40c}snail         8",
    "333 toolongname 12345",
    "  4",
  ]);
});
