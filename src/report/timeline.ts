// SPDX-License-Identifier: MIT
// The exits of a run over time, in a bounded number of columns: where there are more, two neighbours become one.
import { addToBucket, sampleKey, type Sample } from "../measure/samples";
import { OTHERS_ISA, isaName } from "../reasons";

/** Exits of one reason in one column. */
export interface Part {
  count: number;
  totalNs: number;
}

/** A column: what happened in a time. */
export interface Moment {
  readonly start: Date;
  end: Date;
  durationNs: number;
  /** By the keys of Timeline.reasons. */
  readonly parts: Map<number, Part>;
  /** Handling times of all exits that aren't idle; see src/measure/histogram.ts. */
  readonly buckets: number[];
  lost: number;
}

/** Most reasons told apart over time; the others are one. */
const MAX_REASONS = 1024;
const OTHERS_KEY = sampleKey(OTHERS_ISA, 0);

function addMoment(to: Moment, from: Moment): void {
  if (from.end > to.end) to.end = from.end;
  to.durationNs += from.durationNs;
  to.lost += from.lost;
  for (const [key, { count, totalNs }] of from.parts) addPart(to, key, count, totalNs);
  from.buckets.forEach((count, bucket) => {
    if (count > 0) addToBucket(to.buckets, bucket, count);
  });
}

function addPart({ parts }: Moment, key: number, count: number, totalNs: number): void {
  const part = parts.get(key);
  if (part) {
    part.count += count;
    part.totalNs += totalNs;
  } else parts.set(key, { count, totalNs });
}

/** Takes intervals, mostly in order: one that is earlier than the last goes where its time is. */
export class Timeline {
  readonly moments: Moment[] = [];
  readonly reasons = new Map<number, Pick<Sample, "isa" | "reason">>();
  readonly #most: number;
  /** How many intervals a column has. */
  #each = 1;
  #inLast = 0;
  /** The column of the interval that began last. */
  #current: Moment | undefined;

  /** @param most columns; an even number */
  constructor(most = 180) {
    this.#most = most;
  }

  /** Intervals in a column; 1 unless there are more intervals than columns. */
  get intervalsEach(): number {
    return this.#each;
  }

  /** Begins the next interval. */
  begin(start: Date, end: Date, durationNs: number, lost: number): void {
    const moment = { start, end, durationNs, parts: new Map<number, Part>(), buckets: [], lost };
    const last = this.moments.at(-1);
    if (last && start < last.start) {
      this.#beginEarlier(moment);
      return;
    }
    if (last && this.#inLast < this.#each) {
      addMoment(last, moment);
      this.#current = last;
      this.#inLast++;
      return;
    }
    if (this.moments.length >= this.#most) {
      this.#halve();
      this.begin(start, end, durationNs, lost);
      return;
    }
    this.moments.push(moment);
    this.#current = moment;
    this.#inLast = 1;
  }

  /** An interval before the last column is part of the one that its beginning falls into, or has one of its own. */
  #beginEarlier(moment: Moment): void {
    const at = this.moments.findIndex(({ start }) => start > moment.start);
    const before = this.moments[at - 1];
    if (before && moment.start < before.end) {
      addMoment(before, moment);
      this.#current = before;
      return;
    }
    this.moments.splice(at, 0, moment);
    this.#current = moment;
    if (this.moments.length <= this.#most) return;
    this.#halve();
    this.#current = this.moments[at >> 1];
  }

  /** Adds to the interval that began last. @param idle whether its times are left out of the histogram */
  add(key: number, sample: Sample, idle: boolean): void {
    const moment = this.#current;
    if (!moment) return;
    let own = key;
    if (!this.reasons.has(key)) {
      const isKnown = this.reasons.size < MAX_REASONS;
      own = isKnown ? key : OTHERS_KEY;
      this.reasons.set(own, isKnown ? sample : { isa: isaName(OTHERS_ISA), reason: 0 });
    }
    const { l1, l2 } = sample;
    this.addPart(own, l1.count + l2.count, l1.totalNs + l2.totalNs);
    if (idle) return;
    for (const { buckets } of [l1, l2])
      buckets.forEach((count, bucket) => {
        if (count > 0) addToBucket(moment.buckets, bucket, count);
      });
  }

  /** Adds to a part of the interval that began last; there may be MAX_REASONS of them. */
  addPart(key: number, count: number, totalNs: number): void {
    const moment = this.#current;
    if (moment) addPart(moment, key, count, totalNs);
  }

  #halve(): void {
    const { moments } = this;
    for (let at = 0; 2 * at < moments.length; at++) {
      const [first, second] = [moments[2 * at], moments[2 * at + 1]];
      if (first && second) addMoment(first, second);
      if (first) moments[at] = first;
    }
    moments.length = Math.ceil(moments.length / 2);
    this.#each *= 2;
    this.#inLast = this.#each;
  }
}
