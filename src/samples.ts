// Turns snapshots into samples: counters by group and reason, cumulative, and their differences.
import type { Snapshot } from "./native";
import { isaName, reasonNumber } from "./reasons";

/** Counters of exits of one level. */
export interface Counters {
  count: number;
  /** How many of them have a handling time. */
  timed: number;
  /** Sum of the handling times, in ns. */
  totalNs: number;
  /** The longest of them, in ns. */
  maxNs: number;
}

/** Counters of one reason. */
export interface Sample {
  readonly isa: string;
  /** As its instruction set's manual numbers it. */
  readonly reason: number;
  readonly l1: Counters;
  readonly l2: Counters;
}

/** Samples by reason; the key is the isa and the kernel's 32 bits in one number. */
export type Samples = Map<number, Sample>;

/** Samples by group, such as VM; the key is what the grouping says. */
export type Groups = Map<string, Samples>;

/** The group that a row of `snapshot.vcpus` belongs to; undefined leaves the vCPU out. */
export type GroupOf = (vcpus: Snapshot["vcpus"], row: number) => string | undefined;

const zero = (): Counters => ({ count: 0, timed: 0, totalNs: 0, maxNs: 0 });

/** Adds `from` to `to`. */
export function add(to: Counters, from: Readonly<Counters>): void {
  to.count += from.count;
  to.timed += from.timed;
  to.totalNs += from.totalNs;
  to.maxNs = Math.max(to.maxNs, from.maxNs);
}

/** L1 and L2 together. */
export function total(sample: Sample): Counters {
  const sum = { ...sample.l1 };
  add(sum, sample.l2);
  return sum;
}

function sampleAt(groups: Groups, group: string, key: number, isa: string, reason: number): Sample {
  let samples = groups.get(group);
  if (!samples) groups.set(group, (samples = new Map<number, Sample>()));
  let sample = samples.get(key);
  if (!sample) samples.set(key, (sample = { isa, reason, l1: zero(), l2: zero() }));
  return sample;
}

function addGroups(to: Groups, from: Groups): void {
  for (const [group, samples] of from)
    for (const [key, sample] of samples) {
      const sum = sampleAt(to, group, key, sample.isa, sample.reason);
      add(sum.l1, sample.l1);
      add(sum.l2, sample.l2);
    }
}

function subtract(next: Counters, previous: Counters | undefined): Counters {
  if (!previous) return { ...next };
  return {
    count: next.count - previous.count,
    timed: next.timed - previous.timed,
    totalNs: next.totalNs - previous.totalNs,
    maxNs: next.maxNs,
  };
}

/** What `next` has more than `previous`, both cumulative; reasons and groups without exits are left out. */
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
    }
  return result;
}

/** Adds up snapshots of one session: vCPUs that ended stay in the sums although their records are gone. */
export class Ledger {
  readonly #groupOf: GroupOf;
  readonly #retired: Groups = new Map<string, Samples>();
  #live: Groups = new Map<string, Samples>();

  constructor(groupOf: GroupOf) {
    this.#groupOf = groupOf;
  }

  /** Takes every snapshot of the session, in order. */
  update(snapshot: Snapshot): void {
    const { vcpus, slots } = snapshot;
    this.#live = new Map<string, Samples>();
    const groups = Array.from(vcpus.tgid, (_, row) => this.#groupOf(vcpus, row));
    for (let i = 0; i < slots.vcpu.length; i++) {
      const vcpu = slots.vcpu[i] ?? 0;
      const group = groups[vcpu];
      if (group === undefined) continue;
      const isa = slots.isa[i] ?? 0;
      const raw = slots.reason[i] ?? 0;
      const to = vcpus.ended[vcpu] ? this.#retired : this.#live;
      const name = isaName(isa);
      const sample = sampleAt(to, group, isa * 2 ** 32 + raw, name, reasonNumber(name, raw));
      const count = slots.count[i] ?? 0;
      add(slots.level[i] === 2 ? sample.l2 : sample.l1, {
        count,
        timed: slots.timed[i] ? count : 0,
        totalNs: slots.totalNs[i] ?? 0,
        maxNs: slots.maxNs[i] ?? 0,
      });
    }
  }

  /** Everything since the session began. */
  totals(): Groups {
    const totals: Groups = new Map<string, Samples>();
    addGroups(totals, this.#retired);
    addGroups(totals, this.#live);
    return totals;
  }
}
