// The table of exit counts with average handling times.
import { COLUMN, type Cell, cellOf } from "../measure/columns";
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
import { detailRows } from "../measure/details";
import { detailInTable, hasDetails, nameInTable } from "./names";
import { TERMINAL, type Column, table } from "./table";
import { type Unit, fitted, inUnit } from "./units";

const AVERAGE_WIDTH = 8;
const SUM = `${COLUMN.count.heading} ${COLUMN.average.heading}`;

// 80 columns with numbers of 3 digits and names of 18 letters.
const COLUMNS: readonly Column[] = [
  { heading: "", align: "right", width: 3 },
  { heading: "Exit reason", align: "left", width: 16 },
  ...[COLUMN.count.heading, "L1", "L2"].flatMap((heading, level): Column[] => [
    { heading, align: "right", width: level === 0 ? 8 : 7 },
    { heading: COLUMN.average.heading, align: "right", width: 10 },
  ]),
];

// A count and its average in one column.
const CLOSE: readonly Column[] = [
  { heading: "", align: "right", width: 3 },
  { heading: "Exit reason", align: "left", width: 0, least: 6 },
  ...["Total", "L1", "L2"].map((level) => ({ heading: `${level}(Avg)`, align: "right", width: 0 }) as const),
];

const WIDE = [COLUMN.maxNs, COLUMN.p50, COLUMN.p99, COLUMN.p999, COLUMN.share];
const WIDE_COLUMNS = WIDE.map(({ heading, unit }): Column => ({
  heading,
  align: "right",
  width: unit === "%" ? 6 : 10,
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
  if (fits(whole) || hasDetails(samples)) return whole;
  const shortened = lines(samples, unit, heading, AVERAGE_WIDTH, TERMINAL);
  return fits(shortened) ? shortened : closeLines(samples, unit, heading);
}

/** Rows of a table and its sum: number, name, and what `cells` makes of the rest. */
function rowsOf(samples: Samples, sum: string, cells: (sample: Sample) => string[]): string[][] {
  return [
    ...inOrder(samples).flatMap((sample) => [
      [reasonLabel(sample.reason), nameInTable(sample), ...cells(sample)],
      ...detailRows(sample).map((row) => ["", detailInTable(row), ...cells(row.sample)]),
    ]),
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
  const wideCells = (cell: Cell) =>
    WIDE.map((column) => {
      const value = column.of(cell);
      if (column.unit === "%") return value === undefined ? "-" : value.toFixed(2);
      return value === undefined || cell.counters.timed === 0 ? "-" : inUnit(value, unit);
    });
  const rows = rowsOf(samples, SUM, (sample) => [
    ...levelCells(sample, unit, Infinity),
    ...wideCells(cellOf(sample, "total", allNs)),
  ]);
  return table([...COLUMNS, ...WIDE_COLUMNS], rows, heading, Infinity);
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
