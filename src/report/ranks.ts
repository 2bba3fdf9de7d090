// SPDX-License-Identifier: MIT
// The exact Mann-Whitney test: whether two groups of runs differ by more than chance would have it.

/** A p above it may be chance. */
export const LEVEL = 0.05;
/** Most runs of a side: beyond, the exact test takes long and adds nothing. */
export const MAX_RUNS = 32;
/** Fewer runs a side can't tell anything at a level of 5 %: 3 and 3 have no p below 0.1. */
export const LEAST_RUNS = 4;

/** Ranks from 1 on, times two: values that are alike share the mean of theirs. */
function doubledRanks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((value) => sorted.indexOf(value) + sorted.lastIndexOf(value) + 2);
}

/**
 * The two-sided p value: the share of all ways to split the values into groups of these sizes in which the groups' ranks are
 * at least as far apart. Exact with ties, too.
 * @param a values of one side, one of each run; 1 to MAX_RUNS
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): number {
  const ranks = doubledRanks([...a, ...b]);
  const mean = (a.length * (a.length + b.length + 1)) | 0;
  const sumOfA = ranks.slice(0, a.length).reduce((sum, rank) => sum + rank, 0);
  // ways[n] has, for each sum of ranks, how many choices of n of the values seen so far have it.
  const ways: Map<number, number>[] = Array.from({ length: a.length + 1 }, () => new Map<number, number>());
  ways[0]?.set(0, 1);
  for (const rank of ranks)
    for (let n = a.length; n > 0; n--)
      for (const [sum, count] of ways[n - 1] ?? [])
        ways[n]?.set(sum + rank, (ways[n]?.get(sum + rank) ?? 0) + count);
  let [all, asFar] = [0, 0];
  for (const [sum, count] of ways[a.length] ?? []) {
    all += count;
    if (Math.abs(sum - mean) >= Math.abs(sumOfA - mean)) asFar += count;
  }
  return asFar / all;
}

/** The middle value; undefined of none. */
export function medianOf(values: readonly number[]): number | undefined {
  return values.length > 0 ? median(values) : undefined;
}

/** The middle value; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [upper = NaN, lower = NaN] = [sorted[middle], sorted[middle - 1]];
  return sorted.length % 2 === 1 ? upper : (lower + upper) / 2;
}
