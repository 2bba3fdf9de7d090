// SPDX-License-Identifier: MIT
// The order of the rows of a table of clocks, and which of them are shown.
import { type Clock, NO_TIME, PARTS, addClocks, elapsedNs, partNs } from "./clock";
import type { SplitGroup } from "./groups";

/** What rows are ordered by: VM and vCPU, or the most first of a part's share of the time or of exits. */
export const SPLIT_SORTS = ["name", ...PARTS, "exits"] as const;
export type SplitSort = (typeof SPLIT_SORTS)[number];

/** The rows of a table. */
export interface RankedGroups {
  readonly shown: readonly SplitGroup[];
  /** How many rows aren't shown, and the sum of their clocks; undefined if all are. */
  readonly others: { readonly rows: number; readonly clock: Clock } | undefined;
}

function valueOf({ clock }: SplitGroup, sort: SplitSort): number {
  if (sort === "name") return 0;
  if (sort === "exits") return clock.counts.exits;
  const elapsed = elapsedNs(clock);
  return elapsed === 0 ? 0 : partNs(clock, sort) / elapsed;
}

/** Groups in order, those of the same value as they were. @param top how many rows there are at most */
export function rankedGroups(groups: readonly SplitGroup[], sort: SplitSort, top = Infinity): RankedGroups {
  const all = [...groups].sort((a, b) => valueOf(b, sort) - valueOf(a, sort));
  const rest = all.slice(top);
  const clock = rest.reduce((sum, group) => addClocks(sum, group.clock), NO_TIME);
  return { shown: all.slice(0, top), others: rest.length > 0 ? { rows: rest.length, clock } : undefined };
}
