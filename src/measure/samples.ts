// Turns snapshots into samples: counters by group and reason, cumulative, and their differences.
import type { Snapshot } from "../native/vmexit";
import { byCodePoint } from "./order";
import { isaName, reasonNumber } from "../reasons";

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

/** The group that a row of `snapshot.vcpus` belongs to; undefined leaves the vCPU out. */
export type GroupOf = (vcpus: Snapshot["vcpus"], row: number) => string | undefined;

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

function sampleAt(groups: Groups, group: string, key: number, isa: string, reason: number): Sample {
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

function addGroups(to: Groups, from: Groups): void {
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

/** Adds up snapshots of one session: vCPUs that ended stay in the sums although their records are gone. */
export class Ledger {
  readonly #groupOf: GroupOf;
  readonly #timing: boolean;
  readonly #retired: Groups = new Map<string, Samples>();
  #live: Groups = new Map<string, Samples>();
  #shown: Groups = new Map<string, Samples>();
  // Maxima come from the kernel once; these are kept until an interval has shown them.
  #peaks: Groups = new Map<string, Samples>();

  /** @param timing whether the session keeps handling times: without, no exit is a timed one */
  constructor(groupOf: GroupOf, timing: boolean) {
    this.#groupOf = groupOf;
    this.#timing = timing;
  }

  /** Takes every snapshot of the session, in order. */
  update(snapshot: Snapshot): void {
    const { vcpus, slots, buckets } = snapshot;
    this.#live = new Map<string, Samples>();
    const groups = Array.from(vcpus.tgid, (_, row) => this.#groupOf(vcpus, row));
    const counters: (Counters | undefined)[] = [];
    for (let i = 0; i < slots.vcpu.length; i++) {
      const vcpu = slots.vcpu[i] ?? 0;
      const group = groups[vcpu];
      if (group === undefined) continue;
      const isa = slots.isa[i] ?? 0;
      const raw = slots.reason[i] ?? 0;
      const name = isaName(isa);
      const key = isa * 2 ** 32 + raw;
      const sampleOf = (to: Groups) => sampleAt(to, group, key, name, reasonNumber(name, raw));
      const levelOf = (sample: Sample) => (slots.level[i] === 2 ? sample.l2 : sample.l1);
      const sample = sampleOf(vcpus.ended[vcpu] ? this.#retired : this.#live);
      const sum = levelOf(sample);
      const count = slots.count[i] ?? 0;
      sum.count += count;
      if (slots.reflected?.[i]) sample.reflected += count;
      if (this.#timing && slots.timed[i]) sum.timed += count;
      sum.totalNs += slots.totalNs[i] ?? 0;
      const maxNs = slots.maxNs[i] ?? 0;
      if (maxNs > 0) {
        const peak = levelOf(sampleOf(this.#peaks));
        peak.maxNs = Math.max(peak.maxNs, maxNs);
      }
      counters[i] = sum;
    }
    for (let i = 0; i < buckets.slot.length; i++) {
      const sum = counters[buckets.slot[i] ?? 0];
      const bucket = buckets.bucket[i] ?? 0;
      if (sum) sum.buckets[bucket] = (sum.buckets[bucket] ?? 0) + (buckets.count[i] ?? 0);
    }
  }

  /** Counts and sums since the session began; maxima are only in intervals. */
  totals(): Groups {
    const totals: Groups = new Map<string, Samples>();
    addGroups(totals, this.#retired);
    addGroups(totals, this.#live);
    return totals;
  }

  /** What happened since this was called the last time, or since the session began. */
  interval(): Groups {
    const totals = this.totals();
    const interval = difference(this.#shown, totals);
    for (const [group, samples] of interval)
      for (const [key, sample] of samples) {
        const peak = this.#peaks.get(group)?.get(key);
        sample.l1.maxNs = peak?.l1.maxNs ?? 0;
        sample.l2.maxNs = peak?.l2.maxNs ?? 0;
      }
    this.#shown = totals;
    this.#peaks = new Map<string, Samples>();
    return interval;
  }

  /**
   * Forgets the groups of which no vCPU lives, once interval() has told what they counted: where VMs come and go, they
   * would pile up. A group that comes back begins at 0.
   * @returns their keys
   */
  forgetEnded(): string[] {
    const ended = [...this.#shown.keys()].filter((group) => !this.#live.has(group));
    for (const group of ended) {
      this.#retired.delete(group);
      this.#shown.delete(group);
    }
    return ended;
  }
}
