// The table of handling times: count, share of the time, average and longest, for each reason.
import { reasonLabel } from "../reasons";
import { inOrder, nameInTable, sumOf } from "../render/count";
import { type Column, table } from "../render/table";
import { type Sample, type Samples, total } from "../samples";

const COLUMNS: readonly Column[] = [
  { heading: "", align: "right", width: 3 },
  { heading: "Exit reason", align: "left", width: 18 },
  { heading: "Count", align: "right", width: 8 },
  { heading: "Time%", align: "right", width: 6 },
  { heading: "Total ms", align: "right", width: 10 },
  { heading: "Avg us", align: "right", width: 10 },
  { heading: "Max us", align: "right", width: 10 },
];

/** Lines of the table, the row of sums last. Exits without an entry count, but have no time. */
export function timeTable(samples: Samples): string[] {
  const all = total(sumOf(samples)).totalNs;
  const cells = (label: string, name: string, sample: Sample) => {
    const { count, timed, totalNs, maxNs } = total(sample);
    return [
      label,
      name,
      String(count),
      all === 0 ? "-" : ((100 * totalNs) / all).toFixed(2),
      (totalNs / 1e6).toFixed(3),
      timed === 0 ? "-" : (totalNs / timed / 1e3).toFixed(3),
      timed === 0 ? "-" : (maxNs / 1e3).toFixed(3),
    ];
  };
  const rows = inOrder(samples).map((sample) =>
    cells(reasonLabel(sample.reason), nameInTable(sample), sample),
  );
  return table(COLUMNS, [...rows, cells("", "Total", sumOf(samples))]);
}

/** Lines of comma-separated values, with a heading: one for each reason and level of each group. */
export function csvLines(groups: ReadonlyMap<string, Samples>): string[] {
  const lines = ["group,isa,reason,name,level,count,timed,total_ns,max_ns"];
  for (const [group, samples] of groups)
    for (const sample of inOrder(samples))
      for (const [level, counters] of [
        [1, sample.l1],
        [2, sample.l2],
      ] as const) {
        if (counters.count === 0) continue;
        const { count, timed, totalNs, maxNs } = counters;
        const name = nameInTable(sample);
        lines.push([group, sample.isa, sample.reason, name, level, count, timed, totalNs, maxNs].join());
      }
  return lines;
}
