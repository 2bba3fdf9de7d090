// Aligned columns without borders: the only importer of cli-table3.
import { createRequire } from "node:module";
import type CliTable from "cli-table3";

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
}

const BORDERS = ["top", "bottom", "left", "right", "mid"];
const NO_BORDERS = Object.fromEntries(
  BORDERS.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]).map((name) => [name, ""]),
);

// cli-table3 takes a time that grows with the square of the rows: it is given so many at a time.
const ROWS_AT_ONCE = 100;

/** Widths that keep a table within `room` columns if they can: less empty room where there is most, then cut cells. */
function widthsWithin(
  room: number,
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
): number[] {
  const needed = columns.map((_, i) => cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), 0));
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

/** Rows of cells as lines, the headings first if wanted, one space between columns and none at the end of a line;
 * in no more than `room` columns if that can be. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  heading = true,
  room = TERMINAL,
): string[] {
  const cells = [columns.map((column) => column.heading), ...rows];
  const widths = widthsWithin(room, columns, cells);
  const Table = loadTable();
  const shown = heading ? cells : rows;
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += ROWS_AT_ONCE) {
    const drawn = new Table({
      chars: { ...NO_BORDERS, "mid-mid": "", middle: " " },
      style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
      colAligns: columns.map((column) => column.align),
      colWidths: widths,
      truncate: "..",
    });
    drawn.push(...shown.slice(at, at + ROWS_AT_ONCE).map((row) => [...row]));
    for (const line of drawn.toString().split("\n")) lines.push(line.trimEnd());
  }
  return lines;
}
