// SPDX-License-Identifier: MIT
// The order of a table's rows, and which of them are shown.
import { type Sample, type Samples, average, inOrder, sumOf, total } from "./samples";

/** What reasons are ordered by: their number, or the most first of exits, handling time, average or longest time. */
export const SORTS = ["number", "count", "time", "avg", "max"] as const;
export type Sort = (typeof SORTS)[number];

/** Those that need no times. */
export const SORTS_OF_COUNTS = ["number", "count"] as const satisfies readonly Sort[];

/** How rows are chosen. */
export interface Ranking {
  readonly sort: Sort;
  /** How many rows there are at most; all if undefined. */
  readonly top: number | undefined;
}

/** The rows of a table. */
export interface Ranked {
  readonly shown: readonly Sample[];
  /** The sum of those that aren't shown, and how many reasons that is; undefined if all are. */
  readonly others: { readonly reasons: number; readonly sum: Sample } | undefined;
}

const VALUES: Readonly<Record<Exclude<Sort, "number">, (sample: Sample) => number>> = {
  count: (sample) => total(sample).count,
  time: (sample) => total(sample).totalNs,
  avg: (sample) => average(total(sample)),
  max: (sample) => total(sample).maxNs,
};

/** Reasons in order; those that have the same value are by number. */
export function ranked(samples: Samples, { sort, top = Infinity }: Ranking): Ranked {
  const all = inOrder(samples);
  if (sort !== "number") {
    const values = new Map(all.map((sample) => [sample, VALUES[sort](sample)]));
    all.sort((a, b) => (values.get(b) ?? 0) - (values.get(a) ?? 0));
  }
  const rest = all.slice(top);
  const others = { reasons: rest.length, sum: sumOf(new Map(rest.entries())) };
  return { shown: all.slice(0, top), others: rest.length > 0 ? others : undefined };
}

/** Whether some exit is one of a nested guest. */
export function hasNested(samples: Samples): boolean {
  return [...samples.values()].some(({ l2 }) => l2.count > 0);
}
