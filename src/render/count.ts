// The table of exit counts: number, name, Total, L1, L2.
import { COLUMN, cellOf } from "../measure/columns";
import { reasonLabel } from "../reasons";
import { detailRows } from "../measure/details";
import { detailInTable, hasDetails, nameInTable } from "./names";
import { type Sample, type Samples, inOrder, sumOf, total } from "../measure/samples";
import { TERMINAL, type Column, table } from "./table";

const COLUMNS: readonly Column[] = [
  { heading: "", align: "right", width: 3 },
  { heading: "Exit reason", align: "left", width: 18, least: 8 },
  { heading: COLUMN.count.heading, align: "right", width: 8 },
  { heading: "L1", align: "right", width: 8 },
  { heading: "L2", align: "right", width: 8 },
];

const WIDE = [COLUMN.reflected, COLUMN.handled];
const WIDE_COLUMNS = WIDE.map(({ heading }): Column => ({ heading, align: "right", width: 9 }));

/** Lines of the table, the row of sums last; `wide` tells who handled the exits of L2. */
export function countTable(samples: Samples, heading = true, wide = false): string[] {
  const cells = (label: string, name: string, sample: Sample) => [
    label,
    name,
    String(total(sample).count),
    String(sample.l1.count),
    String(sample.l2.count),
    ...(wide ? WIDE.map((column) => String(column.of(cellOf(sample, "l2")))) : []),
  ];
  const rows = inOrder(samples).flatMap((sample) => [
    cells(reasonLabel(sample.reason), nameInTable(sample), sample),
    ...detailRows(sample).map((row) => cells("", detailInTable(row), row.sample)),
  ]);
  return table(
    [...COLUMNS, ...(wide ? WIDE_COLUMNS : [])],
    [...rows, cells("", "Total", sumOf(samples))],
    heading,
    hasDetails(samples) ? Infinity : TERMINAL,
  );
}
