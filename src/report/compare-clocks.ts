// SPDX-License-Identifier: MIT
// How vCPUs' time was split before and after.
import { percentileOf } from "../measure/histogram";
import { type Clock, PARTS, elapsedNs, partNs } from "../split/clock";
import { LEAST_RUNS, mannWhitney, medianOf } from "./ranks";
import type { Run } from "./run";

/** A value before and after; of several runs, the medians. */
export interface ClockChange {
  readonly name: string;
  /** `%` of the vCPUs' time; `/s` of a vCPU; ns. */
  readonly unit: "%" | "/s" | "ns";
  /** Undefined where there is none. */
  readonly before: number | undefined;
  readonly after: number | undefined;
  /** By the exact Mann-Whitney test; undefined with too few runs. */
  readonly p: number | undefined;
}

type Value = readonly [
  name: string,
  unit: ClockChange["unit"],
  of: (clock: Clock, all: number) => number | undefined,
];

const rate =
  (name: "exits" | "returns" | "wakeups") =>
  ({ counts }: Clock, all: number): number =>
    (counts[name] * 1e9) / all;

const VALUES: readonly Value[] = [
  ...PARTS.map((part): Value => [part, "%", (clock, all) => (100 * partNs(clock, part)) / all]),
  ["exits of a vCPU", "/s", rate("exits")],
  ["returns of a vCPU", "/s", rate("returns")],
  ["wakeups of a vCPU", "/s", rate("wakeups")],
  ["wait P99", "ns", ({ waits, maxima }) => percentileOf({ buckets: waits, maxNs: maxima.maxWaitNs }, 0.99)],
  ["longest wait", "ns", ({ maxima }) => maxima.maxWaitNs],
  ["longest idle", "ns", ({ maxima }) => maxima.maxIdleNs],
];

function valuesOf(clocks: readonly Clock[], [, , of]: Value): number[] {
  return clocks.flatMap((clock) => {
    const all = elapsedNs(clock);
    const value = all > 0 ? of(clock, all) : undefined;
    return value === undefined ? [] : [value];
  });
}

/** Compares the time of all vCPUs; nothing unless both sides have it. */
export function compareClocks(before: readonly Run[], after: readonly Run[]): ClockChange[] {
  if (![...before, ...after].every(({ split }) => split.intervals > 0)) return [];
  const [earlier, later] = [before, after].map((runs) => runs.map(({ split }) => split.clock)) as [
    Clock[],
    Clock[],
  ];
  return VALUES.map((value) => {
    const [name, unit] = value;
    const [a, b] = [valuesOf(earlier, value), valuesOf(later, value)];
    const p = a.length >= LEAST_RUNS && b.length >= LEAST_RUNS ? mannWhitney(a, b) : undefined;
    return { name, unit, before: medianOf(a), after: medianOf(b), p };
  });
}
