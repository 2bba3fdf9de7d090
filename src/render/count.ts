// SPDX-License-Identifier: MIT
// The table of exit counts: number, name, Total, L1, L2.
import { CHOICES, COLUMN, cellOf } from "../measure/columns";
import { type Sample, type Samples, total } from "../measure/samples";
import { type Form, rowsOf } from "./form";
import { hasDetails } from "./names";
import { type Column, TERMINAL, fittingTable, table } from "./table";
import { countHeading, countText } from "./units";

const WIDE = CHOICES.nested.filter((column) => column !== COLUMN.count);
const LEVELS = ["L1", "L2"];
// They are left out where names of details take their room.
const LEVELS_RANK = 1;

/** Lines of the table, the row of sums last; a wide one tells who handled the exits of L2. */
export function countTable(samples: Samples, form: Form): string[] {
  const { rateNs } = form;
  const counts = (heading: string, width: number, rank?: number): Column => ({
    heading: countHeading(heading, rateNs),
    align: "right",
    width,
    ...(rank === undefined ? {} : { rank }),
  });
  const columns: readonly Column[] = [
    { heading: "", align: "right", width: 3 },
    { heading: "Exit reason", align: "left", width: 18, least: 8 },
    counts(COLUMN.count.heading, 8),
    ...LEVELS.map((heading) => counts(heading, 8, LEVELS_RANK)),
    ...(form.wide ? WIDE.map(({ heading }) => counts(heading, 9)) : []),
  ];
  const numbers = (sample: Sample) => [
    ...[total(sample), sample.l1, sample.l2].map(({ count }) => count),
    ...(form.wide ? WIDE.map((column) => column.of(cellOf(sample, "l2"))) : []),
  ];
  const rows = rowsOf(samples, form, "Total").map(([label, name, sample]) => [
    label,
    name,
    ...numbers(sample).map((count) => (count === undefined ? "-" : countText(count, rateNs))),
  ]);
  if (hasDetails(samples)) return fittingTable(columns, rows, form.heading, form.room);
  return table(columns, rows, form.heading, form.room ?? TERMINAL);
}
