// SPDX-License-Identifier: MIT
// What the statistics are gathered from: a source of counts by key, and the sum of several.
import type { Counts } from "./keys";

/** A source of counts. They count from the start or the last reset on. */
export interface Provider {
  /** Whether it can tell the counts of each guest. */
  readonly knowsGuests: boolean;
  /**
   * Reads all wanted keys, the ones that count nothing too; the deltas are those since the read before.
   * With `byGuest` the keys are the pids of guests, and each value the sum of its fields.
   */
  read(byGuest: boolean): Counts;
  /** Counts only the fields that `wanted` takes, and their parents; tracepoints from zero, as in kvm_stat. */
  setFilter(wanted: FieldFilter): void;
  /** Counts only one process's events from now on; 0 for all. */
  setPid(pid: number): void;
  reset(): void;
  /** Keys that count nothing on this architecture, ever. kvm_stat has them, and so has read(). */
  readonly impossible: ReadonlySet<string>;
  /** What couldn't be counted, one line for each kind of loss; none if nothing was lost. */
  losses(): string[];
  close(): void;
}

export type FieldFilter = (field: string) => boolean;

/** The fields that `wanted` takes, and the parents without which their children could not be shown. */
export function wantedFields(
  available: Iterable<string>,
  wanted: FieldFilter,
  parent: (field: string) => string | undefined,
): Set<string> {
  const fields = new Set(Array.from(available).filter(wanted));
  for (const field of [...fields]) fields.add(parent(field) ?? field);
  return fields;
}

/** The counts of all providers together; no two of them share a key. */
export function readAll(providers: readonly Provider[], byGuest: boolean): Counts {
  return new Map(providers.flatMap((provider) => [...provider.read(byGuest)]));
}
