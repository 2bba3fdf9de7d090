// SPDX-License-Identifier: MIT
// Which times the intervals of a run cover, so that none is counted twice unnoticed.

/** A time without a gap that one file covers; in ms since 1970. */
interface Range {
  start: number;
  end: number;
  readonly file: string;
}

/** Most times with gaps between them; later ones aren't compared. */
const MAX_RANGES = 65_536;
/** Beginnings and ends are rounded to it, in ms. */
const ROUNDED_MS = 1;

/** What an interval has in common with those before it. */
export interface Overlap {
  /** The file of the one that it has most in common with. */
  readonly file: string;
  readonly ms: number;
}

/** Takes intervals in any order. */
export class Coverage {
  /** In order, and apart. */
  readonly #ranges: Range[] = [];

  /** Adds an interval; both ends in ms. Returns what it overlaps; undefined if nothing. */
  add(start: number, end: number, file: string): Overlap | undefined {
    const at = this.#placeOf(start);
    let most: Overlap | undefined;
    for (let i = Math.max(0, at - 1); i < this.#ranges.length; i++) {
      const range = this.#ranges[i];
      if (!range || range.start >= end) break;
      const ms = Math.min(range.end, end) - Math.max(range.start, start);
      if (ms > ROUNDED_MS && ms > (most?.ms ?? 0)) most = { file: range.file, ms };
    }
    this.#insert(at, { start, end, file });
    return most;
  }

  /** The place of the first range that begins after `start`. */
  #placeOf(start: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.start ?? 0) <= start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(at: number, range: Range): void {
    const before = this.#ranges[at - 1];
    if (before?.file === range.file && range.start <= before.end + ROUNDED_MS) {
      before.end = Math.max(before.end, range.end);
      return;
    }
    const after = this.#ranges[at];
    if (after?.file === range.file && after.start <= range.end + ROUNDED_MS) {
      after.start = range.start;
      after.end = Math.max(after.end, range.end);
      return;
    }
    if (this.#ranges.length < MAX_RANGES) this.#ranges.splice(at, 0, range);
  }
}
