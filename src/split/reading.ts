// SPDX-License-Identifier: MIT
// Readings of vCPUs' clocks: up to a moment or between two, and who the vCPUs are.
import type { Identity } from "../measure/grouping";
import { type Lost, lostBetween } from "../measure/lost";
import { type Peak, longestAfter } from "../measure/peaks";
import { OTHERS } from "../measure/roster";
import { type Clock, MAXIMA, type Maximum, NO_TIME, addClocks, clockBetween, elapsedNs } from "./clock";

/** Who told the longest of something when. */
export type Peaks = Readonly<Partial<Record<Maximum, Peak>>>;

/** A clock since the session opened, as its ledger gives it out. */
export interface Cumulative extends Clock {
  readonly peaks?: Peaks;
}

/** The clocks of all vCPUs, those that ended too: since the session opened, or of a difference, in between. */
export interface SplitReading {
  /** The wall clock's time, which may be set meanwhile. */
  readonly start: Date;
  readonly end: Date;
  /** From start to end, by a clock that is never set and stops while the host is suspended. */
  readonly durationNs: number;
  /** The session's readings are numbered from 1 on; that of a difference is the later one's. */
  readonly number: number;
  /** What was lost, in events. */
  readonly lost: Lost;
  /** Who the vCPUs are, by a key that is the vCPU's in every reading of the session. */
  readonly vcpus: ReadonlyMap<string, Identity>;
  readonly clocks: ReadonlyMap<string, Clock>;
}

/** What the earlier reading has, where vCPUs that the later one has among the others are among them, too. */
function earlierClocks(previous: SplitReading, next: SplitReading): ReadonlyMap<string, Clock> {
  // A vCPU that was forgotten and came back is another, and has another identity.
  const forgotten = [...previous.clocks].filter(([key]) => previous.vcpus.get(key) !== next.vcpus.get(key));
  if (forgotten.length === 0) return previous.clocks;
  const earlier = new Map(previous.clocks);
  for (const [key, clock] of forgotten) {
    earlier.delete(key);
    earlier.set(OTHERS, addClocks(earlier.get(OTHERS) ?? NO_TIME, clock));
  }
  return earlier;
}

/** What happened between two readings of one session; vCPUs that weren't there then are left out. */
export function splitDiff(previous: SplitReading, next: SplitReading): SplitReading {
  const clocks = new Map<string, Clock>();
  const earlier = earlierClocks(previous, next);
  for (const [key, clock] of next.clocks as ReadonlyMap<string, Cumulative>) {
    const { peaks } = clock;
    const longest: Partial<Record<Maximum, number>> = {};
    for (const maximum of MAXIMA) longest[maximum] = longestAfter(peaks?.[maximum], previous.number);
    const between = clockBetween(earlier.get(key) ?? NO_TIME, clock, longest as Record<Maximum, number>);
    if (elapsedNs(between) > 0) clocks.set(key, between);
  }
  return {
    start: previous.end,
    end: next.end,
    durationNs: next.durationNs - previous.durationNs,
    number: next.number,
    lost: lostBetween(previous.lost, next.lost),
    vcpus: next.vcpus,
    clocks,
  };
}
