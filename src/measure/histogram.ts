// SPDX-License-Identifier: MIT
// The buckets in which the kernel keeps handling times, and what can be read from them.
import { BUCKETS } from "../contract";

// 0 to 3 ns have buckets of their own, then come four for each power of two.
const PER_OCTAVE = 4;

/** The least ns of a bucket; that of the next one is its upper end, which it excludes. */
export function bucketStart(bucket: number): number {
  if (bucket < PER_OCTAVE) return bucket;
  const exponent = Math.floor(bucket / PER_OCTAVE) + 1;
  return 2 ** exponent + (bucket % PER_OCTAVE) * 2 ** (exponent - 2);
}

/**
 * A percentile of handling times in ns, undefined if there are none: the middle of the bucket it falls into. The true
 * value is in that bucket, so it is off by an eighth at most, or half a ns below 4 ns.
 * @param fraction from 0 to 1
 */
export function percentile(buckets: readonly number[], fraction: number): number | undefined {
  let rest = Math.ceil(buckets.reduce((sum, count) => sum + count, 0) * fraction);
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    rest -= buckets[bucket] ?? 0;
    if (rest <= 0 && (buckets[bucket] ?? 0) > 0)
      return bucket < PER_OCTAVE ? bucket : (bucketStart(bucket) + bucketStart(bucket + 1)) / 2;
  }
  return undefined;
}

/**
 * percentile() of counters whose longest time is known, which the middle of a bucket can lie above.
 * @param counters of which `maxNs` is 0 if it isn't known
 */
export function percentileOf(
  { buckets, maxNs }: { readonly buckets: readonly number[]; readonly maxNs: number },
  fraction: number,
): number | undefined {
  const ns = percentile(buckets, fraction);
  return ns === undefined ? undefined : Math.min(ns, maxNs || ns);
}

const STARTS = Float64Array.from({ length: BUCKETS }, (_, bucket) => bucketStart(bucket));

/** The bucket of a handling time: the last one that begins no later. */
export function bucketOf(ns: number): number {
  let [low, high] = [0, BUCKETS];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((STARTS[middle] ?? Infinity) <= ns) low = middle;
    else high = middle;
  }
  return low;
}

/** The buckets with a count, each with its ends in ns, both included; longer times are in the last one, too. */
export function filledBuckets(buckets: readonly number[]): Octave[] {
  return buckets.flatMap((count, bucket) =>
    count > 0 ? [{ low: bucketStart(bucket), high: bucketStart(bucket + 1) - 1, count }] : [],
  );
}

/** One row of a log2 histogram: from `low` to `high` ns, both included. */
export interface Octave {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** The log2 histogram: 0 to 1, 2 to 3, 4 to 7, … up to the last one with a count; empty if there is none. */
export function octaves(buckets: readonly number[]): Octave[] {
  const counts: number[] = [];
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    const count = buckets[bucket] ?? 0;
    if (count === 0) continue;
    const octave = Math.max(0, Math.floor(Math.log2(bucketStart(bucket))));
    counts[octave] = (counts[octave] ?? 0) + count;
  }
  return Array.from(counts, (count: number | undefined, octave) => ({
    low: octave === 0 ? 0 : 2 ** octave,
    high: 2 ** (octave + 1) - 1,
    count: count ?? 0,
  }));
}
