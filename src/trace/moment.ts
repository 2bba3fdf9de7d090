// SPDX-License-Identifier: MIT
// The time fields of the record at hand: its time stamp and the distance from the one before.
import type { PythonValue } from "../python/value";
import type { TraceRecord } from "./reader";

/** Up to this high half a 64-bit time stamp is exact as a number. */
const EXACT_HIGH = 0x1f_ffff;
const LARGEST_INT = 2n ** 63n - 1n;

function wide(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** tsc and reltsc of one record after another, as the original computes them. */
export class Moment {
  /** The time stamp's halves as signed integers, which cost no memory traffic; 0 without one. */
  high = 0;
  low = 0;
  /** Whether the time stamp is exact as a number. */
  exact = true;
  /** Whether `reltsc` is right: it is, where it has 31 bits. */
  near = true;
  reltsc = 0;
  #lastHigh = 0;
  #lastLow = 0;
  #timed = false;
  #relative = false;
  readonly #mhz: number;

  /** @param mhz the clock's rate, with which tsc becomes seconds; 0 leaves it in ticks */
  constructor(mhz: number) {
    this.#mhz = mhz;
  }

  /** Goes on to the next record. */
  advance(record: TraceRecord): void {
    if (this.#timed) {
      this.#lastHigh = this.high;
      this.#lastLow = this.low;
    }
    this.#timed = record.timed;
    const high = (this.high = record.timeHigh | 0);
    const low = (this.low = record.timeLow | 0);
    this.exact = high >= 0 && high <= EXACT_HIGH;
    this.#relative = this.#timed && (this.#lastHigh !== 0 || this.#lastLow !== 0);
    const distance = (low - this.#lastLow) | 0;
    // What the low halves' difference, cut to 32 bits, takes from the high ones' or adds to it.
    const carried = (low >>> 0 < this.#lastLow >>> 0 ? -1 : 0) + (distance < 0 ? 1 : 0);
    this.near = !this.#relative || (high >>> 0) - (this.#lastHigh >>> 0) + carried === 0;
    this.reltsc = this.#relative && this.near ? distance : 0;
  }

  /** tsc in seconds, with a clock rate. */
  get seconds(): number {
    return ((this.high >>> 0) * 0x1_0000_0000 + (this.low >>> 0)) / (this.#mhz * 1_000_000);
  }

  /** tsc as Python holds it: an integer of ticks, or with a clock rate seconds. */
  tscValue(): PythonValue {
    if (this.#mhz !== 0) return { value: this.seconds, long: false };
    const value = wide(this.high, this.low);
    return { value, long: value > LARGEST_INT };
  }

  /** reltsc as Python holds it: an integer of ticks, whatever the clock rate. */
  reltscValue(): PythonValue {
    if (!this.#relative) return { value: 0n, long: false };
    const value = wide(this.high, this.low);
    const last = wide(this.#lastHigh, this.#lastLow);
    return { value: value - last, long: value > LARGEST_INT || last > LARGEST_INT };
  }
}
