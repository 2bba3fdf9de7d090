// The time that an output is about.

/** From a moment to another. */
export interface Interval {
  readonly start: Date;
  readonly end: Date;
  /** Whether it is the last one. */
  readonly final: boolean;
}

/** The time of day of a moment of CLOCK_MONOTONIC in ns, where `monotonicNow` is `now`; both in ms. */
export function wallClock(monotonicNs: number, now: number, monotonicNow: number): Date {
  return new Date(now - (monotonicNow - monotonicNs / 1e6));
}
