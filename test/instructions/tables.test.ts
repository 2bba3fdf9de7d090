// SPDX-License-Identifier: MIT
// Under instruction counting: what tables with many rows take of a tool's own CPU.
import assert from "node:assert/strict";
import test from "node:test";
import { countTable } from "../../src/render/count";
import { PLAIN } from "../../src/render/form";
import { timeTable } from "../../src/render/time";
import type { Counters, Samples } from "../../src/measure/samples";

const counters = (count: number): Counters => ({
  count,
  timed: count,
  totalNs: count * 1234.5,
  maxNs: 9999,
  buckets: [],
});

/** So many reasons, as no table of names has them all. */
const reasons = (count: number): Samples =>
  new Map(
    Array.from({ length: count }, (_, reason) => [
      reason,
      { isa: "svm", reason, l1: counters(reason + 1), l2: counters(0), reflected: 0 },
    ]),
  );

const MANY = reasons(10_000);
const ONE_EACH = Array.from({ length: 3333 }, () => reasons(1));

// Million instructions, the first table's with loading what draws it.
for (const [what, lines, bound] of [
  ["a table of 10,000 reasons", () => timeTable(MANY, PLAIN).length, 3100],
  ["the same of counts", () => countTable(MANY, PLAIN).length, 700],
  [
    "3,333 tables of a reason each",
    () => ONE_EACH.flatMap((samples) => timeTable(samples, PLAIN)).length,
    1620,
  ],
] as const)
  test(`${what}: at most ${bound} million instructions`, () => {
    const before = process.cpuUsage();
    assert.ok(lines() >= 9999);
    const { user, system } = process.cpuUsage(before);
    const millions = (user + system) / 1000;
    console.log(`${millions.toFixed(0)} million instructions`);
    assert.ok(millions > 1 && millions <= bound, String(millions));
  });
