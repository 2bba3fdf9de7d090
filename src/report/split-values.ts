// SPDX-License-Identifier: MIT
// Single values of how vCPUs' time was split, for conditions.
import { percentileOf } from "../measure/histogram";
import { type Clock, type Count, PARTS, type Part, elapsedNs, partNs } from "../split/clock";
import type { ClockSum } from "./clock-sum";

/** What is counted beside the time. */
export const SPLIT_COUNTS = ["returns", "wakeups", "migrations"] as const satisfies readonly Count[];

const isPart = (word: string): word is Part => (PARTS as readonly string[]).includes(word);
const isCount = (word: string): word is (typeof SPLIT_COUNTS)[number] =>
  (SPLIT_COUNTS as readonly string[]).includes(word);

function longest({ maxima }: Clock, part: Part): number | undefined {
  if (part === "waiting") return maxima.maxWaitNs;
  return part === "idle" ? maxima.maxIdleNs : undefined;
}

/**
 * A value of all vCPUs together: in ns, in %, a number, or a number a second. Undefined where no time was measured, and of
 * percentiles where there was no wait.
 * @param word a part or one of SPLIT_COUNTS
 * @param measure as conditions name it
 * @param fraction of a percentile
 */
export function splitValue(
  { clock, time }: ClockSum,
  word: string,
  measure: string,
  fraction: number | undefined,
): number | undefined {
  const seconds = time.durationNs / 1e9;
  if (isCount(word)) {
    const count = clock.counts[word];
    return measure === "count" ? count : seconds > 0 ? count / seconds : undefined;
  }
  if (!isPart(word)) return undefined;
  const [ns, all] = [partNs(clock, word), elapsedNs(clock)];
  if (measure === "time") return ns;
  if (measure === "share") return all > 0 ? (100 * ns) / all : undefined;
  if (measure === "max") return longest(clock, word);
  return fraction === undefined
    ? undefined
    : percentileOf({ buckets: clock.waits, maxNs: clock.maxima.maxWaitNs }, fraction);
}
