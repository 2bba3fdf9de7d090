// SPDX-License-Identifier: MIT
// Aligned columns without borders: the only importer of cli-table3.
import { createRequire } from "node:module";
import type CliTable from "cli-table3";
import { cellsOf } from "./cells";

// Loaded for the first table, which comes when tracing has long begun: it takes some 20 million instructions.
const loadTable = () => createRequire(__filename)("cli-table3") as typeof CliTable;

/** The widest that a table gets by itself. */
export const TERMINAL = 80;

/** One column: its heading and the side its cells lean to. */
export interface Column {
  readonly heading: string;
  readonly align: "left" | "right";
  /** Its width where there is room, which keeps tables of a series alike. */
  readonly width: number;
  /** The width down to which its cells may be cut; without, they never are. */
  readonly least?: number;
  /** Columns of the lowest rank are left out first where there is no room; without one it never is. */
  readonly rank?: number;
  /** What it is called where it is left out; "" if another column's name tells. Its heading if missing. */
  readonly name?: string;
}

const BORDERS = ["top", "bottom", "left", "right", "mid"];
const NO_BORDERS = Object.fromEntries(
  BORDERS.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]).map((name) => [name, ""]),
);

/** Fills a cell where the place of cells is looked for. */
const FULL = "#";
const FULLS = /#+/;

const ASCII = /^[ -~]*$/;

/** What a text takes on a terminal. */
const widthOf = (text: string) => (ASCII.test(text) ? text.length : cellsOf(text).length);

/** The width of the widest cell of each column. */
function widthsOf(columns: readonly Column[], cells: readonly (readonly string[])[]): number[] {
  const widths = columns.map(() => 0);
  for (const row of cells)
    for (let i = 0; i < widths.length; i++) widths[i] = Math.max(widths[i] ?? 0, widthOf(row[i] ?? ""));
  return widths;
}

/** Widths that keep a table within `room` columns if they can: less empty room where there is most, then cut cells. */
function widthsWithin(room: number, columns: readonly Column[], needed: readonly number[]): number[] {
  const widths = columns.map(({ width }, i) => Math.max(width, needed[i] ?? 0));
  const least = columns.map(({ least }, i) => Math.min(least ?? Infinity, needed[i] ?? 0));
  const narrow = (to: readonly number[]) => {
    for (;;) {
      const excess = widths.reduce((sum, width) => sum + width + 1, -1) - room;
      const spare = widths.map((width, i) => width - (to[i] ?? 0));
      const most = Math.max(...spare);
      if (excess <= 0 || most === 0) return;
      const at = spare.indexOf(most);
      widths[at] = (widths[at] ?? 0) - 1;
    }
  };
  narrow(needed);
  narrow(least);
  return widths;
}

/** What the cells of a table need, without cutting any. */
export interface Measured {
  /** Each column of them. */
  readonly columns: readonly number[];
  /** The table, as wide as its columns want to be, and as narrow as they can. */
  readonly wanted: number;
  readonly needed: number;
}

export function measured(columns: readonly Column[], rows: readonly (readonly string[])[]): Measured {
  const needed = widthsOf(columns, [columns.map((column) => column.heading), ...rows]);
  const whole = (widths: readonly number[]) => widths.reduce((sum, width) => sum + width + 1, -1);
  const wanted = columns.map(({ width }, i) => Math.max(width, needed[i] ?? 0));
  return { columns: needed, wanted: whole(wanted), needed: whole(needed) };
}

/** A row as cli-table3 draws it: several lines where a cell has them. */
function drawn(columns: readonly Column[], widths: readonly number[], row: readonly string[]): string[] {
  const Table = loadTable();
  const drawing = new Table({
    chars: { ...NO_BORDERS, "mid-mid": "", middle: " " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: columns.map((column) => column.align),
    colWidths: [...widths],
    truncate: "..",
  });
  drawing.push([...row]);
  return drawing
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

/** Rows alike, which cli-table3 takes some 100 us each for: it draws one, and the cells of the others are put into that. */
class Layout {
  static #latest: Layout | undefined;
  readonly #columns: readonly Column[];
  readonly #widths: readonly number[];
  readonly #key: string;
  /** What is before each cell, and after the last. */
  readonly #between: readonly string[];

  private constructor(columns: readonly Column[], widths: readonly number[], key: string) {
    this.#columns = columns;
    this.#widths = widths;
    this.#key = key;
    const [line = ""] = drawn(
      columns,
      widths,
      widths.map((width) => FULL.repeat(width)),
    );
    this.#between = line.split(FULLS);
  }

  /** Tables that follow each other mostly have the same one. */
  static of(columns: readonly Column[], widths: readonly number[]): Layout {
    const key = columns.map(({ align }, i) => `${align}${widths[i] ?? 0}`).join();
    const latest = Layout.#latest;
    if (latest !== undefined && latest.#key === key) return latest;
    return (Layout.#latest = new Layout(columns, widths, key));
  }

  lines(rows: readonly (readonly string[])[]): string[] {
    const lines: string[] = [];
    for (const row of rows)
      if (this.#isPlain(row)) lines.push(this.#line(row));
      else lines.push(...drawn(this.#columns, this.#widths, row));
    return lines;
  }

  /** Of a row that is plain. It makes little that is thrown away: collecting that would take more than the rest. */
  #line(row: readonly string[]): string {
    let line = "";
    for (let i = 0; i < row.length; i++) {
      const [cell, width] = [row[i] ?? "", this.#widths[i] ?? 0];
      line += this.#between[i] ?? "";
      line += this.#columns[i]?.align === "left" ? cell.padEnd(width) : cell.padStart(width);
    }
    return line.trimEnd();
  }

  /** Whether each cell takes as many columns as it has letters, and no more than there are. */
  #isPlain(row: readonly string[]): boolean {
    return (
      this.#between.length === this.#columns.length + 1 &&
      row.length === this.#columns.length &&
      row.every((cell, i) => cell.length <= (this.#widths[i] ?? 0) && ASCII.test(cell))
    );
  }
}

/** Rows of cells as lines, the headings first if wanted, one space between columns and none at the end of a line;
 * in no more than `room` columns if that can be. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  heading = true,
  room = TERMINAL,
  cells = measured(columns, rows),
): string[] {
  const layout = Layout.of(columns, widthsWithin(room, columns, cells.columns));
  return layout.lines(heading ? [columns.map((column) => column.heading), ...rows] : rows);
}

/** table() without the columns for which `room` is too little, which a last line names; all of them where there is no room given. */
export function fittingTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  heading: boolean,
  room: number | undefined,
): string[] {
  const widths = widthsOf(columns, [columns.map((column) => column.heading), ...rows]);
  const needed = (kept: readonly number[]) => kept.reduce((sum, i) => sum + (widths[i] ?? 0) + 1, -1);
  let kept = columns.map((_, i) => i);
  while (room !== undefined && needed(kept) > room) {
    const lowest = Math.min(...kept.map((i) => columns[i]?.rank ?? Infinity));
    if (lowest === Infinity) break;
    kept = kept.filter((i) => columns[i]?.rank !== lowest);
  }
  const lines = table(
    columns.filter((_, i) => kept.includes(i)),
    rows.map((row) => row.filter((_, i) => kept.includes(i))),
    heading,
    room ?? Infinity,
  );
  const out = columns.filter((_, i) => !kept.includes(i)).map((column) => column.name ?? column.heading);
  return out.length === 0 ? lines : [...lines, leftOutLine(out)];
}

/** Says which columns aren't there. */
function leftOutLine(names: readonly string[]): string {
  return `No room for ${names.filter((name) => name !== "").join(", ")}`;
}

/** Lines with something beside each, in a column of its own. */
export function beside(lines: readonly string[], pieces: readonly string[]): string[] {
  const width = Math.max(0, ...lines.slice(0, pieces.length).map(widthOf));
  return lines.map((line, i) => {
    const piece = pieces[i] ?? "";
    return piece === "" ? line : `${line}${" ".repeat(width - widthOf(line))}  ${piece}`.trimEnd();
  });
}
