// The table of times: exits without a time, averages that are long, and eighty columns.
import assert from "node:assert/strict";
import test from "node:test";
import { timeTable } from "../../src/render/time";
import type { Counters, Samples } from "../../src/samples";

const counters = (count: number, timed: number, totalNs: number): Counters => ({
  count,
  timed,
  totalNs,
  maxNs: totalNs,
  buckets: [],
});
const samples = (l1: Counters): Samples =>
  new Map([[1, { isa: "svm", reason: 1024, l1, l2: counters(0, 0, 0) }]]);

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
