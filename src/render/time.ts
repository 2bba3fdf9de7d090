// The table of exit counts with average handling times.
import { percentileOf } from "../histogram";
import { reasonLabel } from "../reasons";
import { type Counters, type Sample, type Samples, inOrder, sumOf, total } from "../samples";
import { nameInTable } from "./count";
import { type Column, table } from "./table";
import { type Unit, fitted, inUnit } from "./units";

const TERMINAL = 80;
const AVERAGE_WIDTH = 8;

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

/** Lines of the table, the row of sums last; where it gets wider than a terminal, long averages are shortened. */
export function timeTable(samples: Samples, unit: Unit, wide: boolean, heading: boolean): string[] {
  const whole = lines(samples, unit, wide, heading, Infinity);
  const fits = wide || whole.every((line) => line.length <= TERMINAL);
  return fits ? whole : lines(samples, unit, wide, heading, AVERAGE_WIDTH);
}

function lines(samples: Samples, unit: Unit, wide: boolean, heading: boolean, width: number): string[] {
  const sum = sumOf(samples);
  const allNs = total(sum).totalNs;
  const cells = (counters: Counters) => {
    // Exits of which none was followed by an entry have no average.
    const mean = counters.count > 0 && counters.timed === 0 ? "-" : fitted(average(counters), unit, width);
    return [String(counters.count), `(${mean.padStart(AVERAGE_WIDTH)})`];
  };
  const wideCells = (counters: Counters) => [
    counters.timed === 0 ? "-" : inUnit(counters.maxNs, unit),
    ...[0.5, 0.99, 0.999].map((fraction) => {
      const ns = percentileOf(counters, fraction);
      return ns === undefined ? "-" : inUnit(ns, unit);
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
