// Turns snapshots of the kernel's counters into samples.
import type { Snapshot } from "../native/vmexit";
import { isaName, reasonNumber } from "../reasons";
import {
  type Counters,
  type Groups,
  type Sample,
  type Samples,
  addGroups,
  difference,
  sampleAt,
} from "./samples";

/** The group that a row of `snapshot.vcpus` belongs to; undefined leaves the vCPU out. */
export type GroupOf = (vcpus: Snapshot["vcpus"], row: number) => string | undefined;

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
