// The table of exit counts with average handling times.
import { percentileOf } from "../measure/histogram";
import { reasonLabel } from "../reasons";
import {
  type Counters,
  type Sample,
  type Samples,
  average,
  inOrder,
  sumOf,
  total,
  zero,
} from "../measure/samples";
import { nameInTable } from "./names";
import { TERMINAL, type Column, table } from "./table";
import { type Unit, fitted, inUnit } from "./units";

const AVERAGE_WIDTH = 8;
const SUM = "Total (Avg Time)";

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

// A count and its average in one column.
const CLOSE: readonly Column[] = [
  { heading: "", align: "right", width: 3 },
  { heading: "Exit reason", align: "left", width: 0, least: 6 },
  ...["Total", "L1", "L2"].map((level) => ({ heading: `${level}(Avg)`, align: "right", width: 0 }) as const),
];

const WIDE: readonly Column[] = ["Max", "P50", "P99", "P99.9", "Time%"].map((heading) => ({
  heading,
  align: "right",
  width: heading === "Time%" ? 6 : 10,
}));

const countOf = ({ count }: Counters) => String(count);

/** An average as fitted() shows it; exits of which none was followed by an entry have none. */
function mean(counters: Counters, unit: Unit, width: number): string {
  return counters.count > 0 && counters.timed === 0 ? "-" : fitted(average(counters), unit, width);
}

/**
 * Lines of the table, the row of sums last. Where it gets wider than a terminal, long averages are shortened, then
 * columns move together, and names are cut at last; counts keep all their digits.
 */
export function timeTable(samples: Samples, unit: Unit, wide: boolean, heading: boolean): string[] {
  if (wide) return wideLines(samples, unit, heading);
  const fits = (lines: readonly string[]) => lines.every((line) => line.length <= TERMINAL);
  const whole = lines(samples, unit, heading, Infinity, Infinity);
  if (fits(whole)) return whole;
  const shortened = lines(samples, unit, heading, AVERAGE_WIDTH, TERMINAL);
  return fits(shortened) ? shortened : closeLines(samples, unit, heading);
}

/** Rows of a table and its sum: number, name, and what `cells` makes of the rest. */
function rowsOf(samples: Samples, sum: string, cells: (sample: Sample) => string[]): string[][] {
  return [
    ...inOrder(samples).map((sample) => [reasonLabel(sample.reason), nameInTable(sample), ...cells(sample)]),
    ["", sum, ...cells(sumOf(samples))],
  ];
}

const levelsOf = (sample: Sample) => [total(sample), sample.l1, sample.l2];

function levelCells(sample: Sample, unit: Unit, width: number): string[] {
  return levelsOf(sample).flatMap((counters) => [
    countOf(counters),
    `(${mean(counters, unit, width).padStart(AVERAGE_WIDTH)})`,
  ]);
}

function lines(samples: Samples, unit: Unit, heading: boolean, width: number, room: number): string[] {
  const rows = rowsOf(samples, SUM, (sample) => levelCells(sample, unit, width));
  return table(COLUMNS, rows, heading, room);
}

function wideLines(samples: Samples, unit: Unit, heading: boolean): string[] {
  const allNs = total(sumOf(samples)).totalNs;
  const wideCells = (counters: Counters) => [
    counters.timed === 0 ? "-" : inUnit(counters.maxNs, unit),
    ...[0.5, 0.99, 0.999].map((fraction) => {
      const ns = percentileOf(counters, fraction);
      return ns === undefined ? "-" : inUnit(ns, unit);
    }),
    allNs === 0 ? "-" : ((100 * counters.totalNs) / allNs).toFixed(2),
  ];
  const rows = rowsOf(samples, SUM, (sample) => [
    ...levelCells(sample, unit, Infinity),
    ...wideCells(total(sample)),
  ]);
  return table([...COLUMNS, ...WIDE], rows, heading, Infinity);
}

function closeLines(samples: Samples, unit: Unit, heading: boolean): string[] {
  const all = [...samples.values(), sumOf(samples)].map(levelsOf);
  const widths = [0, 1, 2].map((level) =>
    Math.max(...all.map((levels) => mean(levels[level] ?? zero(), unit, 0).length)),
  );
  const rows = rowsOf(samples, "Total", (sample) =>
    levelsOf(sample).map(
      (counters, level) => `${countOf(counters)}(${mean(counters, unit, 0).padStart(widths[level] ?? 0)})`,
    ),
  );
  return table(CLOSE, rows, heading);
}
