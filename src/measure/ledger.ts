// Adds up the snapshots of a session: what vCPUs counted that ended stays in the sums although their accounts are gone.
import type { Snapshot } from "../native/vmexit";
import { isaName, reasonNumber } from "../reasons";
import { type Peak, mergePeaks, withPeak } from "./peaks";
import type { Reading } from "./reading";
import { OTHERS, type Roster } from "./roster";
import {
  type Counters,
  type Groups,
  type Sample,
  type Samples,
  addSamples,
  addToBucket,
  peakOf,
  sampleAt,
  sampleKey,
  setPeak,
} from "./samples";

/** What a ledger keeps. */
export interface Kept {
  /** Whether the session keeps handling times: without, no exit is a timed one. */
  readonly timing: boolean;
  /** How many vCPUs that ended are told apart once a reading has told of them. Those that ended before are added up. */
  readonly ended: number;
  /** How many before a reading has. */
  readonly endedUnread: number;
}

/** The maxima of L1 and of L2. */
interface Peaks {
  l1?: Peak;
  l2?: Peak;
}

const levelOf = (slots: Snapshot["slots"], slot: number) => (slots.level[slot] === 2 ? "l2" : "l1");
const keyOf = ({ isa, reason }: Snapshot["slots"], slot: number) =>
  sampleKey(isa[slot] ?? 0, reason[slot] ?? 0);

/** Counters of all vCPUs. */
export class Ledger {
  readonly #roster: Roster;
  readonly #kept: Kept;
  // What ended vCPUs counted, the one that ended first in front. What readings hold is never changed.
  readonly #ended = new Map<string, Samples>();
  #others: Samples = new Map<number, Sample>();
  // By vCPU, then by reason: the kernel tells each maximum once.
  readonly #peaks = new Map<string, Map<number, Peaks>>();
  #latest: Snapshot | undefined;
  #keys: readonly (string | undefined)[] = [];
  #readings = 0;

  constructor(roster: Roster, kept: Kept) {
    this.#roster = roster;
    this.#kept = kept;
  }

  /** Takes every snapshot of the session, in order. */
  update(snapshot: Snapshot): void {
    const { vcpus, slots } = snapshot;
    this.#latest = snapshot;
    this.#keys = Array.from(vcpus.tgid, (_, row) => this.#roster.keyOf(vcpus, row));
    for (let slot = 0; slot < slots.maxNs.length; slot++) this.#keepPeak(slots, slot);
    if (vcpus.ended.includes(1)) this.#end();
  }

  /** What all vCPUs counted so far. */
  read(): Pick<Reading, "number" | "vcpus" | "exits"> {
    const exits: Groups = new Map<string, Samples>();
    const live = this.#samples(0);
    if (this.#others.size > 0) exits.set(OTHERS, this.#others);
    for (const [key, samples] of this.#ended) if (!live.has(key)) exits.set(key, samples);
    for (const [key, samples] of live) {
      const before = this.#ended.get(key);
      if (before) addSamples(live, key, before);
      this.#setPeaks(key, samples);
      exits.set(key, samples);
    }
    const vcpus = new Map(Array.from(exits.keys(), (key) => [key, this.#roster.identity(key)]));
    this.#fold(this.#kept.ended, live);
    return { number: ++this.#readings, vcpus, exits };
  }

  #keepPeak(slots: Snapshot["slots"], slot: number): void {
    const ns = slots.maxNs[slot] ?? 0;
    const key = this.#keys[slots.vcpu[slot] ?? 0];
    if (ns === 0 || key === undefined) return;
    let reasons = this.#peaks.get(key);
    if (!reasons) this.#peaks.set(key, (reasons = new Map<number, Peaks>()));
    const reason = keyOf(slots, slot);
    let peaks = reasons.get(reason);
    if (!peaks) reasons.set(reason, (peaks = {}));
    const level = levelOf(slots, slot);
    peaks[level] = withPeak(peaks[level], ns, this.#readings + 1);
  }

  #setPeaks(key: string, samples: Samples): void {
    const reasons = this.#peaks.get(key);
    for (const [reason, sample] of samples) {
      const peaks = reasons?.get(reason);
      setPeak(sample.l1, peaks?.l1);
      setPeak(sample.l2, peaks?.l2);
    }
  }

  /** Samples of the vCPUs that live, or of those that ended with the latest snapshot. */
  #samples(ended: 0 | 1): Groups {
    const groups: Groups = new Map<string, Samples>();
    if (!this.#latest) return groups;
    const { vcpus, slots, buckets } = this.#latest;
    const counters: (Counters | undefined)[] = [];
    for (let slot = 0; slot < slots.vcpu.length; slot++) {
      const vcpu = slots.vcpu[slot] ?? 0;
      const key = this.#keys[vcpu];
      if (key === undefined || vcpus.ended[vcpu] !== ended) continue;
      const raw = slots.reason[slot] ?? 0;
      const isa = isaName(slots.isa[slot] ?? 0);
      const sample = sampleAt(groups, key, keyOf(slots, slot), isa, reasonNumber(isa, raw));
      const sum = sample[levelOf(slots, slot)];
      const count = slots.count[slot] ?? 0;
      sum.count += count;
      if (slots.reflected?.[slot]) sample.reflected += count;
      if (this.#kept.timing && slots.timed[slot]) sum.timed += count;
      sum.totalNs += slots.totalNs[slot] ?? 0;
      counters[slot] = sum;
    }
    for (let i = 0; i < buckets.slot.length; i++) {
      const sum = counters[buckets.slot[i] ?? 0];
      const bucket = buckets.bucket[i] ?? 0;
      if (sum) addToBucket(sum.buckets, bucket, buckets.count[i] ?? 0);
    }
    return groups;
  }

  /** Keeps what vCPUs counted that are in no later snapshot. */
  #end(): void {
    const groups = this.#samples(1);
    for (const [key, samples] of groups) {
      const before = this.#ended.get(key);
      if (before) addSamples(groups, key, before);
      this.#setPeaks(key, samples);
      this.#ended.delete(key);
      this.#ended.set(key, samples);
    }
    if (this.#ended.size > this.#kept.endedUnread) this.#fold(this.#kept.endedUnread, this.#samples(0));
  }

  /** Adds up what ended first until only `most` vCPUs that ended are told apart. */
  #fold(most: number, live: Groups): void {
    if (this.#ended.size <= most) return;
    const sums: Groups = new Map<string, Samples>();
    addSamples(sums, OTHERS, this.#others);
    for (const [key, samples] of this.#ended) {
      if (this.#ended.size <= most) break;
      // Of a vCPU that came back, what it counted before is part of what it has.
      if (live.has(key)) continue;
      addSamples(sums, OTHERS, samples);
      this.#keepPeaks(samples);
      this.#ended.delete(key);
      this.#peaks.delete(key);
      this.#roster.forget(key);
    }
    this.#others = sums.get(OTHERS) ?? this.#others;
    this.#setPeaks(OTHERS, this.#others);
  }

  #keepPeaks(samples: Samples): void {
    let reasons = this.#peaks.get(OTHERS);
    if (!reasons) this.#peaks.set(OTHERS, (reasons = new Map<number, Peaks>()));
    for (const [reason, { l1, l2 }] of samples) {
      const peaks = reasons.get(reason);
      const merged = { l1: mergePeaks(peaks?.l1, peakOf(l1)), l2: mergePeaks(peaks?.l2, peakOf(l2)) };
      reasons.set(reason, {
        ...(merged.l1 ? { l1: merged.l1 } : {}),
        ...(merged.l2 ? { l2: merged.l2 } : {}),
      });
    }
  }
}
