// SPDX-License-Identifier: MIT
// Samples: counters by group and reason, their sums and differences.
import type { ExitDetail } from "../details";
import { byCodePoint } from "./order";
import { type Peak, longestAfter } from "./peaks";

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
  /** The same exits by what they were about, which sums to the counters above; undefined where nothing is told apart. */
  details?: DetailSamples;
}

/** What exits were about: what src/details/ decodes, or, of exits that were read back, what it has decoded. */
export type Detail = bigint | ExitDetail;

/** Counters of one detail of a reason. */
export interface DetailSample {
  /** Undefined of exits whose detail isn't known, or found no place in the kernel. */
  readonly detail: Detail | undefined;
  readonly l1: Counters;
  readonly l2: Counters;
}

/** By the detail in decimal digits or, read back, in words; or one of the two keys below. */
export type DetailSamples = Map<string, DetailSample>;

/** The key of exits whose detail isn't known. */
export const UNKNOWN_DETAIL = "unknown";
/** The key of exits whose detail found no place. */
export const OTHER_DETAILS = "others";

/** Samples by reason; the key is the isa and the kernel's 32 bits in one number. */
export type Samples = Map<number, Sample>;

/** The key of a reason among samples. */
export function sampleKey(isa: number, raw: number): number {
  return isa * 2 ** 32 + raw;
}

/** Samples by vCPU; the key is the vCPU's in all readings of a session, see roster.ts. */
export type Groups = Map<string, Samples>;

/** Counters of nothing. */
export function zero(): Counters {
  return { count: 0, timed: 0, totalNs: 0, maxNs: 0, buckets: [] };
}

/** Adds to a bucket; those below it get their zeros. */
export function addToBucket(buckets: number[], bucket: number, count: number): void {
  while (buckets.length <= bucket) buckets.push(0);
  buckets[bucket] = (buckets[bucket] ?? 0) + count;
}

/** Adds the counts of buckets to those of others. */
export function addCounts(to: number[], from: readonly number[]): void {
  while (to.length < from.length) to.push(0);
  for (let bucket = 0; bucket < from.length; bucket++) to[bucket] = (to[bucket] ?? 0) + (from[bucket] ?? 0);
}

/** Adds `from` to `to`. */
export function add(to: Counters, from: Readonly<Counters>): void {
  to.count += from.count;
  to.timed += from.timed;
  to.totalNs += from.totalNs;
  to.maxNs = Math.max(to.maxNs, from.maxNs);
  addCounts(to.buckets, from.buckets);
}

function addSample(to: Sample, from: Sample): void {
  add(to.l1, from.l1);
  add(to.l2, from.l2);
  to.reflected += from.reflected;
  for (const [key, detail] of from.details ?? []) {
    const sum = detailAt(to, key, detail.detail);
    add(sum.l1, detail.l1);
    add(sum.l2, detail.l2);
  }
}

/** The counters of a detail, made if they aren't there. */
export function detailAt(sample: Sample, key: string, about: Detail | undefined): DetailSample {
  const details = (sample.details ??= new Map<string, DetailSample>());
  let detail = details.get(key);
  if (!detail) details.set(key, (detail = { detail: about, l1: zero(), l2: zero() }));
  return detail;
}

/** L1 and L2 together. */
export function total(sample: Sample): Readonly<Counters> {
  // Most exits are of one level.
  if (sample.l2.count === 0) return sample.l1;
  if (sample.l1.count === 0) return sample.l2;
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

/** Who told the longest times when, of the counters that a session's ledger gives out: see peaks.ts. */
const PEAK = Symbol("peak");

/** Counters that grow from reading to reading. */
export interface Cumulative extends Counters {
  [PEAK]?: Peak | undefined;
}

/** Gives counters the longest time so far, and what tells the longest one of an interval. */
export function setPeak(counters: Cumulative, peak: Peak | undefined): void {
  counters[PEAK] = peak;
  counters.maxNs = longestAfter(peak, -1);
}

/** What setPeak() set. */
export function peakOf(counters: Cumulative): Peak | undefined {
  return counters[PEAK];
}

function subtract(next: Cumulative, previous: Counters | undefined, since: number): Counters {
  // Most exits are of one level.
  if (next.count === 0) return zero();
  const [earlier, peak] = [previous ?? zero(), next[PEAK]];
  return {
    count: next.count - earlier.count,
    timed: next.timed - earlier.timed,
    totalNs: next.totalNs - earlier.totalNs,
    maxNs: peak ? longestAfter(peak, since) : next.maxNs,
    buckets: next.buckets.map((count, bucket) => count - (earlier.buckets[bucket] ?? 0)),
  };
}

const countOf = ({ l1, l2 }: Pick<DetailSample, "l1" | "l2">) => l1.count + l2.count;

/**
 * What `next` has more than `previous`, both cumulative; reasons and groups without exits are left out.
 * @param since number of the reading that `previous` is from: maxima are of what came after it
 * @param detailed whether the details of a reason are told apart; where they aren't, it has none
 */
export function difference(
  previous: Groups,
  next: Groups,
  since: number,
  detailed: (key: number, sample: Sample) => boolean = () => true,
): Groups {
  const result: Groups = new Map<string, Samples>();
  for (const [group, samples] of next) {
    const earlier = previous.get(group);
    if (samples === earlier) continue;
    const more: Samples = new Map<number, Sample>();
    for (const [key, sample] of samples) {
      const before = earlier?.get(key);
      const count = sample.l1.count + sample.l2.count - (before ? before.l1.count + before.l2.count : 0);
      if (count === 0) continue;
      const { isa, reason } = sample;
      const l1 = subtract(sample.l1, before?.l1, since);
      const l2 = subtract(sample.l2, before?.l2, since);
      const difference: Sample = {
        isa,
        reason,
        l1,
        l2,
        reflected: sample.reflected - (before?.reflected ?? 0),
      };
      more.set(key, difference);
      if (!detailed(key, sample)) continue;
      for (const [name, detail] of sample.details ?? []) {
        const known = before?.details?.get(name);
        if (countOf(detail) === (known ? countOf(known) : 0)) continue;
        const ofDetail = detailAt(difference, name, detail.detail);
        add(ofDetail.l1, subtract(detail.l1, known?.l1, since));
        add(ofDetail.l2, subtract(detail.l2, known?.l2, since));
      }
    }
    if (more.size > 0) result.set(group, more);
  }
  return result;
}
