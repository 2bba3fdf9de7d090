// The time fields of the record at hand: its time stamp and the distance from the one before.
import type { PythonValue } from "./python_value";
import type { TraceRecord } from "./reader";

/** Up to this high half a 64-bit time stamp is exact as a number. */
const EXACT_HIGH = 0x1f_ffff;
const LARGEST_INT = 2n ** 63n - 1n;

function wide(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** tsc and reltsc of one record after another, as the original computes them. */
export class Moment {
  /** Whether the numbers `tsc`, unless it is in seconds, and `reltsc` are exact. */
  exact = true;
  tsc = 0;
  reltsc = 0;
  private timed = false;
  private high = 0;
  private low = 0;
  private lastHigh = 0;
  private lastLow = 0;
  private relative = false;

  /** @param mhz the clock's rate, with which tsc becomes seconds; 0 leaves it in ticks */
  constructor(private readonly mhz: number) {}

  /** Goes on to the next record. */
  advance(record: TraceRecord): void {
    const { timed, timeHigh, timeLow } = record;
    if (timed) {
      this.lastHigh = this.high;
      this.lastLow = this.low;
      this.high = timeHigh;
      this.low = timeLow;
    }
    this.relative = timed && (this.lastHigh !== 0 || this.lastLow !== 0);
    this.timed = timed;
    this.exact = this.high <= EXACT_HIGH && this.lastHigh <= EXACT_HIGH;
    const ticks = timed ? timeHigh * 0x1_0000_0000 + timeLow : 0;
    this.tsc = this.mhz === 0 ? ticks : ticks / (this.mhz * 1_000_000);
    this.reltsc = this.relative ? ticks - (this.lastHigh * 0x1_0000_0000 + this.lastLow) : 0;
  }

  /** tsc as Python holds it: an integer of ticks, or with a clock rate seconds. */
  tscValue(): PythonValue {
    if (this.mhz !== 0) return { value: this.tsc, long: false };
    const value = this.timed ? wide(this.high, this.low) : 0n;
    return { value, long: value > LARGEST_INT };
  }

  /** reltsc as Python holds it: an integer of ticks, whatever the clock rate. */
  reltscValue(): PythonValue {
    if (!this.relative) return { value: 0n, long: false };
    const value = wide(this.high, this.low);
    const last = wide(this.lastHigh, this.lastLow);
    return { value: value - last, long: value > LARGEST_INT || last > LARGEST_INT };
  }
}
