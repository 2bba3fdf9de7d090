// SPDX-License-Identifier: MIT
// The table of exit counts: number, name, Total, L1, L2.
import { COLUMN, cellOf } from "../measure/columns";
import { type Sample, type Samples, total } from "../measure/samples";
import { type Form, rowsOf } from "./form";
import { hasDetails } from "./names";
import { type Column, TERMINAL, table } from "./table";
import { countHeading, countText } from "./units";

const WIDE = [COLUMN.reflected, COLUMN.handled];

/** Lines of the table, the row of sums last; a wide one tells who handled the exits of L2. */
export function countTable(samples: Samples, form: Form): string[] {
  const { rateNs } = form;
  const counts = (heading: string, width: number): Column => ({
    heading: countHeading(heading, rateNs),
    align: "right",
    width,
  });
  const columns: readonly Column[] = [
    { heading: "", align: "right", width: 3 },
    { heading: "Exit reason", align: "left", width: 18, least: 8 },
    ...[COLUMN.count.heading, "L1", "L2"].map((heading) => counts(heading, 8)),
    ...(form.wide ? WIDE.map(({ heading }) => counts(heading, 9)) : []),
  ];
  const numbers = (sample: Sample) => [
    ...[total(sample), sample.l1, sample.l2].map(({ count }) => count),
    ...(form.wide ? WIDE.map((column) => column.of(cellOf(sample, "l2"))) : []),
  ];
  const rows = rowsOf(samples, form, "Total").map(([label, name, sample]) => [
    label,
    name,
    ...numbers(sample).map((count) => countText(count, rateNs)),
  ]);
  return table(columns, rows, form.heading, hasDetails(samples) ? Infinity : (form.room ?? TERMINAL));
}
