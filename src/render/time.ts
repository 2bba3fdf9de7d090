// The table of exit counts with average handling times.
import { percentile } from "../histogram";
import { reasonLabel } from "../reasons";
import { type Counters, type Sample, type Samples, sumOf, total } from "../samples";
import { inOrder, nameInTable } from "./count";
import { type Column, table } from "./table";
import { type Unit, inUnit } from "./units";

// 80 columns with numbers of 3 digits and names of 18 letters.
const COLUMNS: readonly Column[] = [
  { heading: "", align: "right", width: 3 },
  { heading: "Exit reason", align: "left", width: 16 },
  { heading: "Total", align: "right", width: 8 },
  { heading: "(Avg Time)", align: "right", width: 10 },
  { heading: "L1", align: "right", width: 7 },
  { heading: "(Avg Time)", align: "right", width: 10 },
  { heading: "L2", align: "right", width: 7 },
  { heading: "(Avg Time)", align: "right", width: 10 },
];

const WIDE: readonly Column[] = ["Max", "P50", "P99", "P99.9", "Time%"].map((heading) => ({
  heading,
  align: "right",
  width: heading === "Time%" ? 6 : 10,
}));

/** Average handling time of the exits that have one, in ns; 0 if none has. */
export function average(counters: Counters): number {
  return counters.timed === 0 ? 0 : counters.totalNs / counters.timed;
}

/** Lines of the table, the row of sums last. */
export function timeTable(samples: Samples, unit: Unit, wide: boolean, heading: boolean): string[] {
  const sum = sumOf(samples);
  const allNs = total(sum).totalNs;
  const cells = (counters: Counters) => [
    String(counters.count),
    `(${inUnit(average(counters), unit).padStart(8)})`,
  ];
  const wideCells = (counters: Counters) => [
    inUnit(counters.maxNs, unit),
    ...[0.5, 0.99, 0.999].map((fraction) => {
      const ns = percentile(counters.buckets, fraction);
      // The middle of a bucket can lie above the longest time, which is known.
      return ns === undefined ? "-" : inUnit(Math.min(ns, counters.maxNs || ns), unit);
    }),
    allNs === 0 ? "-" : ((100 * counters.totalNs) / allNs).toFixed(2),
  ];
  const row = (label: string, name: string, sample: Sample) => {
    const all = total(sample);
    const levels = [all, sample.l1, sample.l2].flatMap(cells);
    return [label, name, ...levels, ...(wide ? wideCells(all) : [])];
  };
  const rows = inOrder(samples).map((sample) => row(reasonLabel(sample.reason), nameInTable(sample), sample));
  return table([...COLUMNS, ...(wide ? WIDE : [])], [...rows, row("", "Total (Avg Time)", sum)], heading);
}
