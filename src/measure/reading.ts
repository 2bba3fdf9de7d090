// SPDX-License-Identifier: MIT
// Readings: what all vCPUs counted up to a moment or between two, what was lost, and who they are.
import type { Identity } from "./grouping";
import { type Lost, lostBetween } from "./lost";
import { OTHERS } from "./roster";
import { type Groups, type Sample, addSamples, difference } from "./samples";

/**
 * Counters of all vCPUs, those that ended too: since the session opened, or of a difference, in between. A further
 * measure or a clock of the vCPUs has its place beside `exits`, by the same keys.
 */
export interface Reading {
  /** The wall clock's time, which may be set meanwhile. */
  readonly start: Date;
  readonly end: Date;
  /** From start to end, by a clock that is never set. */
  readonly durationNs: number;
  /** The session's readings are numbered from 1 on; that of a difference is the later one's. */
  readonly number: number;
  /** What was lost, in exits; undefined where that is unknown, as of a recording without an end. */
  readonly lost: Lost | undefined;
  /** Who has counted, by a key that is the vCPU's in every reading of the session. */
  readonly vcpus: ReadonlyMap<string, Identity>;
  /** What exits they counted, by the same key. */
  readonly exits: Groups;
}

/** What the earlier reading has, where vCPUs that the later one has among the others are among them, too. */
function earlierOf(previous: Reading, next: Reading): Groups {
  // A vCPU that was forgotten and came back is another, and has another identity.
  const forgotten = [...previous.exits].filter(([key]) => previous.vcpus.get(key) !== next.vcpus.get(key));
  if (forgotten.length === 0) return previous.exits;
  const earlier: Groups = new Map(previous.exits);
  earlier.delete(OTHERS);
  for (const samples of [previous.exits.get(OTHERS), ...forgotten.map(([, samples]) => samples)])
    if (samples) addSamples(earlier, OTHERS, samples);
  for (const [key] of forgotten) earlier.delete(key);
  return earlier;
}

/**
 * What happened between two readings of one session: vCPUs and reasons without exits are left out. `maxNs` is the
 * longest handling time of those exits.
 * @param detailed whether the details of a reason are told apart; all are if missing
 */
export function diff(
  previous: Reading,
  next: Reading,
  detailed?: (key: number, sample: Sample) => boolean,
): Reading {
  return {
    start: previous.end,
    end: next.end,
    durationNs: next.durationNs - previous.durationNs,
    number: next.number,
    lost: previous.lost && next.lost && lostBetween(previous.lost, next.lost),
    vcpus: next.vcpus,
    exits: difference(earlierOf(previous, next), next.exits, previous.number, detailed),
  };
}
