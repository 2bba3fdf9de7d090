// SPDX-License-Identifier: MIT
// From when to when a run was, how long that was, and whether any of it was added twice.
import { UsageError } from "../errors";
import { isoTime } from "../local-time";
import type { Time } from "../measure/time";
import { Coverage } from "./coverage";

/** Adds intervals up. */
export class Span {
  readonly #coverage = new Coverage();
  #start: Date | undefined;
  #end: Date | undefined;
  #last: Date | undefined;
  #durationNs = 0;
  #intervals = 0;
  #overlapping = 0;
  #overlapMs = 0;
  #ordered = true;

  /** How many intervals there were. */
  get intervals(): number {
    return this.#intervals;
  }

  /** How many of them overlap others of their file, and for how many ms in all. */
  get overlap(): { readonly intervals: number; readonly ms: number } {
    return { intervals: this.#overlapping, ms: this.#overlapMs };
  }

  /** Whether each interval began after the one before it did. */
  get ordered(): boolean {
    return this.#ordered;
  }

  /** From the first beginning to the last end; the duration is the intervals' sum. */
  get time(): Time {
    const [start, end] = [this.#start ?? new Date(0), this.#end ?? new Date(0)];
    return { start, end, durationNs: this.#durationNs, final: true };
  }

  /**
   * @param file which says so, for messages
   * @throws UsageError if another file says what happened then
   */
  add({ start, end, durationNs }: Omit<Time, "final">, file: string): void {
    const overlap = this.#coverage.add(start.getTime(), end.getTime(), file);
    if (overlap) {
      // The clock may have been set back a little between two files.
      if (overlap.file !== file && 2 * overlap.ms > end.getTime() - start.getTime())
        throw new UsageError(
          `${file} and ${overlap.file} overlap in time, at ${isoTime(end, false)}: it would be counted twice; give one of them, or choose by --since and --until`,
        );
      this.#overlapping++;
      this.#overlapMs += overlap.ms;
    }
    if (this.#last && start < this.#last) this.#ordered = false;
    this.#last = start;
    this.#intervals++;
    this.#start = this.#start && this.#start < start ? this.#start : start;
    this.#end = this.#end && this.#end > end ? this.#end : end;
    this.#durationNs += durationNs;
  }
}
