// SPDX-License-Identifier: MIT
// From when to when a run was, and how long that was.
import type { Time } from "../measure/time";

/** Adds intervals up. */
export class Span {
  #start: Date | undefined;
  #end: Date | undefined;
  #durationNs = 0;
  #intervals = 0;

  /** How many intervals there were. */
  get intervals(): number {
    return this.#intervals;
  }

  /** From the first beginning to the last end; the duration is the intervals' sum. */
  get time(): Time {
    const [start, end] = [this.#start ?? new Date(0), this.#end ?? new Date(0)];
    return { start, end, durationNs: this.#durationNs, final: true };
  }

  add({ start, end, durationNs }: Omit<Time, "final">): void {
    this.#intervals++;
    this.#start = this.#start && this.#start < start ? this.#start : start;
    this.#end = this.#end && this.#end > end ? this.#end : end;
    this.#durationNs += durationNs;
  }
}
