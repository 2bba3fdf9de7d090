// SPDX-License-Identifier: MIT
// The time that an output is about.

/** From a moment to another. */
export interface Time {
  /** The wall clock's time, which may be set meanwhile. */
  readonly start: Date;
  readonly end: Date;
  /** From start to end, by a clock that is never set. */
  readonly durationNs: number;
  /** Whether nothing is counted after it. */
  readonly final: boolean;
}

/** The time of day of a moment of CLOCK_MONOTONIC in ns, where `monotonicNow` is `now`; both in ms. */
export function wallClock(monotonicNs: number, now: number, monotonicNow: number): Date {
  return new Date(now - (monotonicNow - monotonicNs / 1e6));
}
