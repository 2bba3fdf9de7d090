// SPDX-License-Identifier: MIT
// The table of exit counts with average handling times.
import { CHOICES, COLUMN, type Cell, cellOf } from "../measure/columns";
import { type Counters, type Sample, type Samples, average, sumOf, total, zero } from "../measure/samples";
import { type Form, type Row, rowsOf } from "./form";
import { hasDetails } from "./names";
import { TERMINAL, type Column, beside, fittingTable, measured, table } from "./table";
import { countHeading, countText, fitted, inUnit } from "./units";

const AVERAGE_WIDTH = 8;

// What a wide table has beyond a plain one.
const WIDE = CHOICES.wide.flatMap((column) =>
  column.rank === undefined ? [] : [{ column, rank: column.rank }],
);
// Of the columns of L1 and L2, among those of wide tables.
const LEVELS_RANK = 3;

// A bar of the share of the time: a whole one is all of it.
const LEAST_BAR = 10;
const MOST_BAR = 50;

/** A heading with the unit of its values. */
function headingOf({ heading, unit }: { readonly heading: string; readonly unit: string }, form: Form) {
  return unit === "ns" ? `${heading} ${form.unit}` : heading;
}

const levelHeadings = ({ levels }: Form) => [COLUMN.count.heading, ...(levels ? ["L1", "L2"] : [])];
const averageHeading = (form: Form) => `(${headingOf(COLUMN.average, form)})`;

/** The columns of counts and averages: of both levels, of L1 and of L2. 80 with numbers of 3 digits and names of 18 letters. */
function levelColumns(form: Form): Column[] {
  const average = averageHeading(form);
  return levelHeadings(form).flatMap((level, at): Column[] => {
    const heading = countHeading(level, form.rateNs);
    const rank = at > 0 ? { rank: LEVELS_RANK } : {};
    return [
      { heading, align: "right", width: at === 0 ? 8 : 7, ...rank, name: `${heading} ${average}` },
      { heading: average, align: "right", width: 10, ...rank, name: "" },
    ];
  });
}

const NUMBER: Column = { heading: "", align: "right", width: 3 };

const levelsOf = (sample: Sample, form: Form) =>
  form.levels ? [total(sample), sample.l1, sample.l2] : [total(sample)];

/** An average as fitted() shows it; exits of which none was followed by an entry have none. */
function mean(counters: Counters, { unit }: Form, width: number): string {
  return counters.count > 0 && counters.timed === 0 ? "-" : fitted(average(counters), unit, width);
}

function levelCells(sample: Sample, form: Form, width: number): string[] {
  return levelsOf(sample, form).flatMap((counters) => [
    countText(counters.count, form.rateNs),
    `(${mean(counters, form, width).padStart(AVERAGE_WIDTH)})`,
  ]);
}

/** The rows of a table as cells: number, name, and what `cells` makes of the rest. */
function cellsOf(rows: readonly Row[], cells: (sample: Sample) => readonly string[]): string[][] {
  return rows.map(([label, name, sample]) => [label, name, ...cells(sample)]);
}

/**
 * Lines of the table, the row of sums last. Where a plain one gets wider than the terminal, long averages are shortened,
 * then columns move together, and names are cut at last; counts keep all their digits. Wide tables, and those with details, leave out
 * columns instead.
 * Where there is room, a bar shows each reason's share of the time.
 */
export function timeTable(samples: Samples, form: Form): string[] {
  const lines = form.wide ? wideLines(samples, form) : plainLines(samples, form);
  return withBars(lines, samples, form);
}

function plainLines(samples: Samples, form: Form): string[] {
  const columns: readonly Column[] = [
    NUMBER,
    { heading: "Exit reason", align: "left", width: 16 },
    ...levelColumns(form),
  ];
  const rows = rowsOf(samples, form, sumName(form));
  const cells = (width: number) => cellsOf(rows, (sample) => levelCells(sample, form, width));
  if (hasDetails(samples)) return fittingTable(columns, cells(Infinity), form.heading, form.room);
  const room = form.room ?? TERMINAL;
  const whole = cells(Infinity);
  const all = measured(columns, whole);
  if (all.wanted <= room) return table(columns, whole, form.heading, room, all);
  const shortened = cells(AVERAGE_WIDTH);
  const less = measured(columns, shortened);
  return less.needed <= room
    ? table(columns, shortened, form.heading, room, less)
    : closeLines(samples, form, room);
}

const sumName = (form: Form) => `${COLUMN.count.heading} ${averageHeading(form)}`;

function wideLines(samples: Samples, form: Form): string[] {
  const allNs = total(sumOf(samples)).totalNs;
  const wideCells = (cell: Cell) =>
    WIDE.map(({ column }) => {
      const value = column.of(cell);
      if (column.unit === "%") return value === undefined ? "-" : value.toFixed(2);
      return value === undefined || cell.counters.timed === 0 ? "-" : inUnit(value, form.unit);
    });
  const levels = levelColumns(form);
  const shown = form.nested ? levels.length : 2;
  const columns: readonly Column[] = [
    NUMBER,
    { heading: "Exit reason", align: "left", width: 16 },
    ...levels.slice(0, shown),
    ...WIDE.map(({ column, rank }): Column => ({
      heading: headingOf(column, form),
      align: "right",
      width: column.unit === "%" ? 6 : 10,
      rank,
    })),
  ];
  const rows = cellsOf(rowsOf(samples, form, sumName(form)), (sample) => [
    ...levelCells(sample, form, Infinity).slice(0, shown),
    ...wideCells(cellOf(sample, "total", allNs)),
  ]);
  return fittingTable(columns, rows, form.heading, form.room);
}

/** Counts and their averages in one column, which are as wide as they have to be. */
function closeLines(samples: Samples, form: Form, room: number): string[] {
  const all = [...samples.values(), sumOf(samples)].map((sample) => levelsOf(sample, form));
  const widths = [0, 1, 2].map((level) =>
    Math.max(...all.map((levels) => mean(levels[level] ?? zero(), form, 0).length)),
  );
  const columns: readonly Column[] = [
    NUMBER,
    { heading: "Exit reason", align: "left", width: 0, least: 6 },
    ...levelHeadings(form).map((level): Column => ({
      heading: `${countHeading(level, form.rateNs)}(${COLUMN.average.heading})`,
      align: "right",
      width: 0,
    })),
  ];
  const rows = cellsOf(rowsOf(samples, form, "Total"), (sample) =>
    levelsOf(sample, form).map(
      (counters, level) =>
        `${countText(counters.count, form.rateNs)}(${mean(counters, form, 0).padStart(widths[level] ?? 0)})`,
    ),
  );
  return table(columns, rows, form.heading, room);
}

/** The lines with a bar for each reason, where the terminal has room. */
function withBars(lines: readonly string[], samples: Samples, form: Form): string[] {
  if (form.room === undefined) return [...lines];
  const rows = rowsOf(samples, form, "").slice(0, -1);
  const all = total(sumOf(samples)).totalNs;
  const table = lines.slice(0, rows.length + 1 + (form.heading ? 1 : 0));
  // A wide table tells the share in digits.
  const digits = form.wide ? 0 : 7;
  const free = form.room - Math.max(...table.map((line) => line.length)) - 2 - digits;
  if (free < LEAST_BAR || all === 0) return [...lines];
  const width = Math.min(MOST_BAR, free);
  const bars = rows.map(([, , sample]) => {
    const share = total(sample).totalNs / all;
    const number = form.wide ? "" : `${(100 * share).toFixed(2).padStart(6)} `;
    return `${number}${"*".repeat(Math.round(share * width))}`;
  });
  return beside(lines, [...(form.heading ? [form.wide ? "" : ` ${COLUMN.share.heading}`] : []), ...bars]);
}
