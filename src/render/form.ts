// SPDX-License-Identifier: MIT
// How tables of exits are printed, and their rows.
import { detailRows } from "../measure/details";
import { type Ranking, ranked } from "../measure/ranking";
import { type Sample, type Samples, sumOf } from "../measure/samples";
import { reasonLabel } from "../reasons";
import { detailInTable, nameInTable } from "./names";
import type { Unit } from "./units";

/** How a table of exits is printed. */
export interface Form extends Ranking {
  readonly heading: boolean;
  readonly unit: Unit;
  /** Whether it has all columns that fit. */
  readonly wide: boolean;
  /** The time in which the exits were counted, if they are shown as exits a second; undefined: as their number. */
  readonly rateNs: number | undefined;
  /** Whether exits are of L1 or L2. Returns of KVM_RUN aren't, and their tables have no such columns. */
  readonly levels: boolean;
  /** Whether a wide table has columns of L1 and L2. */
  readonly nested: boolean;
  /** Columns of the terminal; undefined where there is none, and a wide table has all its columns. */
  readonly room: number | undefined;
}

/** All reasons by number, as kvm-bpf-tools prints them. */
export const PLAIN: Form = {
  heading: true,
  unit: "ns",
  wide: false,
  sort: "number",
  top: undefined,
  rateNs: undefined,
  levels: true,
  nested: false,
  room: undefined,
};

const otherReasons = (count: number) => `${count} other reason${count === 1 ? "" : "s"}`;

/** A row: its reason's number, its name, and the sample that its numbers are of. */
export type Row = readonly [label: string, name: string, sample: Sample];

/** The rows of a reason's details: those with most exits and, where there are more than `top`, the sum of the others. */
function detailsOf(sample: Sample, top = Infinity): Row[] {
  if (sample.details === undefined) return [];
  const rows = detailRows(sample);
  const rest = rows.slice(top).map((row) => row.sample);
  const shown = rows.slice(0, top).map((row): Row => ["", detailInTable(row), row.sample]);
  if (rest.length === 0) return shown;
  const sum = { ...sumOf(new Map(rest.entries())), isa: sample.isa, reason: sample.reason };
  return [...shown, ["", `  ${rest.length} other detail${rest.length === 1 ? "" : "s"}`, sum]];
}

/** The rows of a table, below each reason those of its details, the row of sums last. */
export function rowsOf(samples: Samples, ranking: Ranking, sum: string): Row[] {
  const { shown, others } = ranked(samples, ranking);
  return [
    ...shown.flatMap((sample): Row[] => [
      [reasonLabel(sample.reason), nameInTable(sample), sample],
      ...detailsOf(sample, ranking.top),
    ]),
    ...(others ? [["", otherReasons(others.reasons), others.sum] as const] : []),
    ["", sum, sumOf(samples)],
  ];
}
