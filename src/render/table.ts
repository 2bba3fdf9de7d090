// Aligned columns without borders: the only importer of cli-table3.
import { createRequire } from "node:module";
import type CliTable from "cli-table3";

// Loaded for the first table, which comes when tracing has long begun: it takes some 20 million instructions.
const loadTable = () => createRequire(__filename)("cli-table3") as typeof CliTable;

/** One column: its heading, the side its cells lean to, and its least width, which keeps tables of a series alike. */
export interface Column {
  readonly heading: string;
  readonly align: "left" | "right";
  readonly width: number;
}

const BORDERS = ["top", "bottom", "left", "right", "mid"];
const NO_BORDERS = Object.fromEntries(
  BORDERS.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]).map((name) => [name, ""]),
);

// cli-table3 takes a time that grows with the square of the rows: it is given so many at a time.
const ROWS_AT_ONCE = 100;

/** Rows of cells as lines, the headings first if wanted, one space between columns and none at the end of a line. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  heading = true,
): string[] {
  const cells = [columns.map((column) => column.heading), ...rows];
  const widths = columns.map((column, i) =>
    cells.reduce((width, row) => Math.max(width, row[i]?.length ?? 0), column.width),
  );
  const Table = loadTable();
  const shown = heading ? cells : rows;
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += ROWS_AT_ONCE) {
    const drawn = new Table({
      chars: { ...NO_BORDERS, "mid-mid": "", middle: " " },
      style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
      colAligns: columns.map((column) => column.align),
      colWidths: widths,
    });
    drawn.push(...shown.slice(at, at + ROWS_AT_ONCE).map((row) => [...row]));
    for (const line of drawn.toString().split("\n")) lines.push(line.trimEnd());
  }
  return lines;
}
