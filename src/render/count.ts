// The table of exit counts: number, name, Total, L1, L2.
import { reasonLabel } from "../reasons";
import { nameInTable } from "./names";
import { type Sample, type Samples, inOrder, sumOf, total } from "../measure/samples";
import { type Column, table } from "./table";

const COLUMNS: readonly Column[] = [
  { heading: "", align: "right", width: 3 },
  { heading: "Exit reason", align: "left", width: 18, least: 8 },
  { heading: "Total", align: "right", width: 8 },
  { heading: "L1", align: "right", width: 8 },
  { heading: "L2", align: "right", width: 8 },
];

const WIDE: readonly Column[] = [
  { heading: "L2 to L1", align: "right", width: 9 },
  { heading: "L2 by L0", align: "right", width: 9 },
];

/** Lines of the table, the row of sums last; `wide` tells who handled the exits of L2. */
export function countTable(samples: Samples, heading = true, wide = false): string[] {
  const cells = (label: string, name: string, sample: Sample) => [
    label,
    name,
    String(total(sample).count),
    String(sample.l1.count),
    String(sample.l2.count),
    ...(wide ? [sample.reflected, sample.l2.count - sample.reflected].map(String) : []),
  ];
  const rows = inOrder(samples).map((sample) =>
    cells(reasonLabel(sample.reason), nameInTable(sample), sample),
  );
  return table([...COLUMNS, ...(wide ? WIDE : [])], [...rows, cells("", "Total", sumOf(samples))], heading);
}
