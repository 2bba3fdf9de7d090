// SPDX-License-Identifier: MIT
// A vCPU's clock: how long it did what, and what it counted meanwhile; sums and differences.
import { ACTIVITIES, type Activity } from "../contract";
import { addCounts } from "../measure/samples";

export type { Activity };

/** What is counted beside the time. */
export const COUNTS = ["exits", "returns", "wakeups", "migrations"] as const;
export type Count = (typeof COUNTS)[number];

/** The longest of something, in ns. */
export const MAXIMA = ["maxWaitNs", "maxIdleNs"] as const;
export type Maximum = (typeof MAXIMA)[number];

/** How long vCPUs did what, in ns; together it is the time that they were there. */
export interface Clock {
  readonly ns: Readonly<Record<Activity, number>>;
  /** Exits; returns of KVM_RUN to the VMM; wake-ups from the sleep of a halt; changes of the CPU. */
  readonly counts: Readonly<Record<Count, number>>;
  /** The longest wait for a CPU and the longest sleep of a halt, both as they were when they ended, or now. */
  readonly maxima: Readonly<Record<Maximum, number>>;
  /** How many waits for a CPU fell into each bucket of src/measure/histogram.ts; a missing one has none. */
  readonly waits: readonly number[];
}

function record<K extends string>(keys: readonly K[], of: (key: K) => number): Record<K, number> {
  const values: Partial<Record<K, number>> = {};
  for (const key of keys) values[key] = of(key);
  return values as Record<K, number>;
}

const ORDER = Object.fromEntries(ACTIVITIES.map((activity, at) => [activity, at])) as Record<
  Activity,
  number
>;

/** A clock of what `of` tells. */
export function makeClock(
  ns: (activity: Activity, index: number) => number,
  count: (count: Count) => number,
  maximum: (maximum: Maximum) => number,
  waits: readonly number[],
): Clock {
  return {
    ns: record(ACTIVITIES, (activity) => ns(activity, ORDER[activity])),
    counts: record(COUNTS, count),
    maxima: record(MAXIMA, maximum),
    waits,
  };
}

/** The clock of no time. */
export const NO_TIME: Clock = makeClock(
  () => 0,
  () => 0,
  () => 0,
  [],
);

/** Two clocks together. */
export function addClocks(a: Clock, b: Clock): Clock {
  const waits = [...a.waits];
  addCounts(waits, b.waits);
  return makeClock(
    (activity) => a.ns[activity] + b.ns[activity],
    (count) => a.counts[count] + b.counts[count],
    (maximum) => Math.max(a.maxima[maximum], b.maxima[maximum]),
    waits,
  );
}

/** How long the vCPUs were there, in ns. */
export function elapsedNs({ ns }: Clock): number {
  return ACTIVITIES.reduce((sum, activity) => sum + ns[activity], 0);
}

/**
 * What the later of two readings of a clock has more. What is still on when it is read counts for what it looks like:
 * of a halt it is seen at its end only how much was polled, of a sleep how much of it was a wait for a CPU. What an
 * activity then has less than before is taken from the one that has most.
 * @param longest of what came between the two
 */
export function clockBetween(
  earlier: Clock,
  later: Clock,
  longest: Readonly<Record<Maximum, number>>,
): Clock {
  const ns = record(ACTIVITIES, (activity) => later.ns[activity] - earlier.ns[activity]);
  for (const activity of ACTIVITIES) {
    if (ns[activity] >= 0) continue;
    const most = ACTIVITIES.reduce((a, b) => (ns[b] > ns[a] ? b : a));
    ns[most] += ns[activity];
    ns[activity] = 0;
  }
  return makeClock(
    (activity) => ns[activity],
    (count) => later.counts[count] - earlier.counts[count],
    (maximum) => longest[maximum],
    later.waits.map((count, bucket) => count - (earlier.waits[bucket] ?? 0)),
  );
}

/** What a table tells apart, which together is the elapsed time. */
export const PARTS = ["guest", "kvm", "vmm", "poll", "idle", "waiting"] as const;
export type Part = (typeof PARTS)[number];

const ACTIVITIES_OF: Readonly<Record<Part, readonly Activity[]>> = {
  guest: ["guest", "guestL2"],
  kvm: ["kvm", "kvmAsleep"],
  vmm: ["vmm"],
  poll: ["pollSuccess", "pollFail"],
  idle: ["idle"],
  waiting: ["waiting", "vmmWaiting"],
};

/** How long a part took, in ns. */
export function partNs({ ns }: Clock, part: Part): number {
  return ACTIVITIES_OF[part].reduce((sum, activity) => sum + ns[activity], 0);
}
