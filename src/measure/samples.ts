// Samples: counters by group and reason, their sums and differences.
import { byCodePoint } from "./order";

/** Counters of exits of one level. */
export interface Counters {
  count: number;
  /** How many of them have a handling time. */
  timed: number;
  /** Sum of the handling times, in ns. */
  totalNs: number;
  /** The longest of them, in ns. */
  maxNs: number;
  /** How many of them fell into each bucket of src/measure/histogram.ts; a missing one has none. Empty without histograms. */
  readonly buckets: number[];
}

/** Counters of one reason. */
export interface Sample {
  readonly isa: string;
  /** As its instruction set's manual numbers it. */
  readonly reason: number;
  readonly l1: Counters;
  readonly l2: Counters;
  /** How many of L2's exits L0 gave to L1, and didn't handle itself; 0 unless the session tells them apart. */
  reflected: number;
}

/** Samples by reason; the key is the isa and the kernel's 32 bits in one number. */
export type Samples = Map<number, Sample>;

/** Samples by group, such as VM; the key is what the grouping says. */
export type Groups = Map<string, Samples>;

/** Counters of nothing. */
export function zero(): Counters {
  return { count: 0, timed: 0, totalNs: 0, maxNs: 0, buckets: [] };
}

/** Adds `from` to `to`. */
export function add(to: Counters, from: Readonly<Counters>): void {
  to.count += from.count;
  to.timed += from.timed;
  to.totalNs += from.totalNs;
  to.maxNs = Math.max(to.maxNs, from.maxNs);
  from.buckets.forEach((count, bucket) => (to.buckets[bucket] = (to.buckets[bucket] ?? 0) + count));
}

function addSample(to: Sample, from: Sample): void {
  add(to.l1, from.l1);
  add(to.l2, from.l2);
  to.reflected += from.reflected;
}

/** L1 and L2 together. */
export function total(sample: Sample): Counters {
  const sum = zero();
  add(sum, sample.l1);
  add(sum, sample.l2);
  return sum;
}

/** Average handling time of the exits that have one, in ns; 0 if none has. */
export function average(counters: Counters): number {
  return counters.timed === 0 ? 0 : counters.totalNs / counters.timed;
}

/** Samples in the order of all outputs: by number, negative ones first. */
export function inOrder(samples: Samples): Sample[] {
  return [...samples.values()].sort((a, b) => byCodePoint(a.isa, b.isa) || a.reason - b.reason);
}

/** The sum over all reasons; its isa and reason mean nothing. */
export function sumOf(samples: Samples): Sample {
  const sum: Sample = { isa: "", reason: 0, l1: zero(), l2: zero(), reflected: 0 };
  for (const sample of samples.values()) addSample(sum, sample);
  return sum;
}

/** The sample of a group, made if it is not there. */
export function sampleAt(groups: Groups, group: string, key: number, isa: string, reason: number): Sample {
  let samples = groups.get(group);
  if (!samples) groups.set(group, (samples = new Map<number, Sample>()));
  let sample = samples.get(key);
  if (!sample) samples.set(key, (sample = { isa, reason, l1: zero(), l2: zero(), reflected: 0 }));
  return sample;
}

/** Adds samples to those of a group. */
export function addSamples(to: Groups, group: string, samples: Samples): void {
  for (const [key, sample] of samples) addSample(sampleAt(to, group, key, sample.isa, sample.reason), sample);
}

/** Adds the samples of all groups. */
export function addGroups(to: Groups, from: Groups): void {
  for (const [group, samples] of from) addSamples(to, group, samples);
}

function subtract(next: Counters, previous: Counters | undefined): Counters {
  if (!previous) return next;
  return {
    count: next.count - previous.count,
    timed: next.timed - previous.timed,
    totalNs: next.totalNs - previous.totalNs,
    maxNs: next.maxNs,
    buckets: next.buckets.map((count, bucket) => count - (previous.buckets[bucket] ?? 0)),
  };
}

/**
 * What `next` has more than `previous`, both cumulative; reasons and groups without exits are left out. A maximum is
 * that of `next`: it has no difference.
 */
export function difference(previous: Groups, next: Groups): Groups {
  const result: Groups = new Map<string, Samples>();
  for (const [group, samples] of next)
    for (const [key, sample] of samples) {
      const before = previous.get(group)?.get(key);
      const l1 = subtract(sample.l1, before?.l1);
      const l2 = subtract(sample.l2, before?.l2);
      if (l1.count + l2.count === 0) continue;
      const difference = sampleAt(result, group, key, sample.isa, sample.reason);
      add(difference.l1, l1);
      add(difference.l2, l2);
      difference.reflected = sample.reflected - (before?.reflected ?? 0);
    }
  return result;
}
