// SPDX-License-Identifier: MIT
// Adds up the snapshots of a session: what vCPUs counted that ended stays in the sums although their accounts are gone.
import { canonicalDetail } from "../details";
import { DETAIL, type Snapshot } from "../native/vmexit";
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
  OTHER_DETAILS,
  UNKNOWN_DETAIL,
  addToBucket,
  detailAt,
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

/** Where maxima are kept: a reason's key, or that and its detail's. */
type Place = number | string;
const detailPlace = (reason: number, detail: string): Place => `${reason} ${detail}`;

/** The maxima of L1 and of L2. */
interface Peaks {
  l1?: Peak;
  l2?: Peak;
}

/** The key of a slot's detail among its reason's, and the detail; undefined if it has none. */
function detailOf(slots: Snapshot["slots"], slot: number): [string, bigint | undefined] | undefined {
  switch (slots.detailState?.[slot]) {
    case DETAIL.known: {
      const isa = isaName(slots.isa[slot] ?? 0);
      const reason = reasonNumber(isa, slots.reason[slot] ?? 0);
      const raw = canonicalDetail(isa, reason, slots.detail?.[slot] ?? 0n);
      return [String(raw), raw];
    }
    case DETAIL.unknown:
      return [UNKNOWN_DETAIL, undefined];
    case DETAIL.others:
      return [OTHER_DETAILS, undefined];
    default:
      return undefined;
  }
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
  readonly #peaks = new Map<string, Map<Place, Peaks>>();
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
    if (!reasons) this.#peaks.set(key, (reasons = new Map<Place, Peaks>()));
    const reason = keyOf(slots, slot);
    const level = levelOf(slots, slot);
    const detail = detailOf(slots, slot);
    for (const place of detail ? [reason, detailPlace(reason, detail[0])] : [reason]) {
      let peaks = reasons.get(place);
      if (!peaks) reasons.set(place, (peaks = {}));
      peaks[level] = withPeak(peaks[level], ns, this.#readings + 1);
    }
  }

  #setPeaks(key: string, samples: Samples): void {
    const reasons = this.#peaks.get(key);
    for (const [reason, sample] of samples) {
      const peaks = reasons?.get(reason);
      setPeak(sample.l1, peaks?.l1);
      setPeak(sample.l2, peaks?.l2);
      for (const [name, detail] of sample.details ?? []) {
        const ofDetail = reasons?.get(detailPlace(reason, name));
        setPeak(detail.l1, ofDetail?.l1);
        setPeak(detail.l2, ofDetail?.l2);
      }
    }
  }

  /** Samples of the vCPUs that live, or of those that ended with the latest snapshot. */
  #samples(ended: 0 | 1): Groups {
    const groups: Groups = new Map<string, Samples>();
    if (!this.#latest) return groups;
    const { vcpus, slots, buckets } = this.#latest;
    const counters: (readonly Counters[] | undefined)[] = [];
    for (let slot = 0; slot < slots.vcpu.length; slot++) {
      const vcpu = slots.vcpu[slot] ?? 0;
      const key = this.#keys[vcpu];
      if (key === undefined || vcpus.ended[vcpu] !== ended) continue;
      const raw = slots.reason[slot] ?? 0;
      const isa = isaName(slots.isa[slot] ?? 0);
      const sample = sampleAt(groups, key, keyOf(slots, slot), isa, reasonNumber(isa, raw));
      const level = levelOf(slots, slot);
      const detail = detailOf(slots, slot);
      const count = slots.count[slot] ?? 0;
      if (slots.reflected?.[slot]) sample.reflected += count;
      const sums = [sample[level], ...(detail ? [detailAt(sample, ...detail)[level]] : [])];
      for (const sum of sums) {
        sum.count += count;
        if (this.#kept.timing && slots.timed[slot]) sum.timed += count;
        sum.totalNs += slots.totalNs[slot] ?? 0;
      }
      counters[slot] = sums;
    }
    for (let i = 0; i < buckets.slot.length; i++) {
      const bucket = buckets.bucket[i] ?? 0;
      for (const sum of counters[buckets.slot[i] ?? 0] ?? [])
        addToBucket(sum.buckets, bucket, buckets.count[i] ?? 0);
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
    if (!reasons) this.#peaks.set(OTHERS, (reasons = new Map<Place, Peaks>()));
    for (const [reason, sample] of samples) {
      const places = [...(sample.details ?? [])].map(
        ([name, detail]) => [detailPlace(reason, name), detail] as const,
      );
      for (const [place, { l1, l2 }] of [[reason, sample] as const, ...places]) {
        const peaks = reasons.get(place);
        const merged = { l1: mergePeaks(peaks?.l1, peakOf(l1)), l2: mergePeaks(peaks?.l2, peakOf(l2)) };
        reasons.set(place, {
          ...(merged.l1 ? { l1: merged.l1 } : {}),
          ...(merged.l2 ? { l2: merged.l2 } : {}),
        });
      }
    }
  }
}
