// SPDX-License-Identifier: MIT
// top's frames: the table, the page of one reason, the help, and what the first and last lines say.
import type { Lost } from "../../measure/lost";
import { cellsOf } from "../../render/cells";
import { histogramLines } from "../../render/histogram";
import { lostLines } from "../../render/lost";
import { inUnit } from "../../render/units";
import { safeText } from "../../text";
import { type Frame, type Piece, type Size, piece } from "../frame";
import { type Scale, NAME, fill, layoutOf, share, short, sparkline } from "./columns";
import { keyLines } from "./keys";
import type { Row, View } from "./rows";

/** All that a frame is made of. */
export interface State {
  /** From the VMs to what is shown. */
  readonly path: readonly string[];
  readonly view: View;
  /** The sum of all first. */
  readonly rows: readonly Row[];
  readonly selected: string;
  /** The first row that is seen. */
  readonly top: number;
  readonly history: ReadonlyMap<string, readonly number[]>;
  readonly scale: Scale;
  readonly nested: boolean;
  /** The id of the column that rows are sorted by. */
  readonly sort: string;
  readonly reversed: boolean;
  readonly seconds: number;
  readonly paused: boolean;
  readonly idle: boolean;
  readonly filters: readonly string[];
  readonly lost: Lost | undefined;
  /** Whether nothing was read yet. */
  readonly waiting: boolean;
  readonly helping: boolean;
  readonly message: string;
  readonly unicode: boolean;
  readonly question?: { readonly prompt: string; readonly typed: string; readonly fault: string };
}

const HEADING_ROW = 3;
const FIRST_ROW = HEADING_ROW + 1;
const HINT = "Enter: into  Left: back  <>: sort  f, g: filter  w: write  ?: keys  q: quit";

/** How many rows of a table a screen has. */
export function pageOf({ rows }: Size): number {
  return Math.max(1, rows - FIRST_ROW - 1);
}

/** What was measured, in a line that fits 80 columns. */
function headline({ rows, scale, seconds, paused }: State): string {
  const [all] = rows;
  const { count = 0, totalNs = 0 } = all ?? {};
  const length = Math.max(scale.durationNs, 1) / 1e9;
  const time = scale.absolute ? `in ${length.toFixed(1)} s` : `every ${seconds} s`;
  const exits = scale.absolute ? `${short(count, 9)} exits` : `${short(count / length, 9)} exits/s`;
  return `kvm-vmexit top - ${paused ? "PAUSED, " : ""}${time}: ${exits}, KVM busy ${share(totalNs, scale)} % of a CPU`;
}

function headPieces(state: State, { columns }: Size): Piece[] {
  const { path, filters, idle, lost } = state;
  const facts = [...filters, ...(idle ? [] : ["idle exits hidden"])];
  const where = path.join(" > ");
  const losses = lost ? lostLines(lost) : [];
  return [
    piece(0, 0, fill(headline(state), columns), "bold"),
    piece(1, 0, fill([where, ...facts].join("  "), columns)),
    losses.length > 0
      ? piece(2, 0, fill(losses.join("; "), columns), "standout")
      : piece(2, 0, fill(HINT, columns)),
  ];
}

/** A heading with a sign of the order, if rows are sorted by it. */
function marked(heading: string, sorted: boolean, { reversed, unicode }: State): string {
  if (!sorted) return heading;
  return (unicode ? (reversed ? "▲" : "▼") : reversed ? "^" : "v") + heading;
}

function tablePieces(state: State, size: Size): Piece[] {
  const { rows, view, scale, nested, top, selected, history, unicode, sort } = state;
  const seen = rows.slice(top, top + pageOf(size));
  const names = seen.map(({ name }) => safeText(name));
  const longest = Math.max(NAME.heading.length, ...names.map((name) => cellsOf(name).length));
  const layout = layoutOf(view.kind, nested, size.columns, longest, scale);
  const headings = [
    fill(marked(NAME.heading, sort === "name", state), layout.name),
    ...layout.columns.map((column) =>
      fill(marked(column.heading(scale), sort === column.id, state), column.width, "right"),
    ),
    ...(layout.history > 0 ? [fill("HISTORY", layout.history, "right")] : []),
  ];
  const lines = seen.map((row, at) => {
    const cells = [
      fill(names[at] ?? "", layout.name),
      ...layout.columns.map((column) => fill(column.text(row, scale), column.width, "right")),
      ...(layout.history > 0 ? [sparkline(history.get(row.key) ?? [], layout.history, unicode)] : []),
    ];
    const text = fill(cells.join(" "), size.columns);
    return piece(FIRST_ROW + at, 0, text, row.key === selected ? "standout" : "plain");
  });
  const pieces = [piece(HEADING_ROW, 0, fill(headings.join(" "), size.columns), "underline"), ...lines];
  const below = rows.length - top - seen.length;
  const remarks = [
    ...(top > 0 || below > 0 ? [`rows ${top + 1} to ${top + seen.length} of ${rows.length}`] : []),
    ...(layout.leftOut.length > 0 ? [`no room for ${layout.leftOut.join(", ")}`] : []),
  ];
  if (remarks.length > 0) pieces.push(piece(size.rows - 1, 0, remarks.join("; ")));
  if (rows.length === 1 && rows[0]?.count === 0)
    pieces.push(
      piece(
        FIRST_ROW + 2,
        2,
        state.waiting ? "Counting..." : "No exits. Filters and hidden idle exits: c, i",
      ),
    );
  return pieces;
}

/** One reason, or all: numbers, percentiles, and the histogram with as much of its form as fits. */
function reasonPieces(state: State, size: Size): Piece[] {
  const { rows, scale } = state;
  const [row] = rows;
  if (!row) return [];
  const { unit } = scale;
  const length = Math.max(scale.durationNs, 1) / 1e9;
  const inTime = (ns: number | undefined) => (ns === undefined ? "-" : `${inUnit(ns, unit)} ${unit}`);
  const facts = [
    `exits ${row.count}  a second ${short(row.count / length, 9)}  of L2 ${row.l2}  vCPUs ${row.vcpus}`,
    `KVM% ${share(row.totalNs, scale)}  average ${inTime(row.averageNs)}  max ${row.timed > 0 ? inTime(row.maxNs) : "-"}`,
    [0.5, 0.9, 0.99, 0.999]
      .map((fraction) => `P${String(100 * fraction)} ${inTime(row.percentileNs(fraction))}`)
      .join("  "),
  ];
  const room = size.rows - FIRST_ROW - facts.length - 2;
  const histogram = histogramLines(row.buckets, { unit, heading: true, trim: true, columns: size.columns });
  const lines = [...facts, "", ...histogram.slice(0, room)];
  const hidden = histogram.length - room;
  return [
    ...lines.map((line, at) => piece(HEADING_ROW + at, 0, fill(line, size.columns))),
    ...(hidden > 0 ? [piece(size.rows - 1, 0, `no room for ${hidden} rows more`)] : []),
  ];
}

/** The frame of a state. */
export function frameOf(state: State, size: Size): Frame {
  if (state.helping) {
    const lines = ["Keys of kvm-vmexit top; any key goes back", "", ...keyLines()];
    return { pieces: lines.map((line, row) => piece(row, 0, line, row === 0 ? "bold" : "plain")) };
  }
  const body = state.view.kind === "reason" ? reasonPieces(state, size) : tablePieces(state, size);
  const pieces = [...headPieces(state, size), ...body];
  const last = size.rows - 1;
  const { question, message } = state;
  if (!question)
    return {
      pieces: message === "" ? pieces : [...pieces, piece(last, 0, fill(message, size.columns), "standout")],
    };
  const fault = question.fault === "" ? "" : `  (${question.fault})`;
  const text = safeText(question.prompt + question.typed);
  const cells = cellsOf(text);
  // Of a line that is too long its end, where the cursor is.
  const seen = cells.slice(Math.max(0, cells.length + 1 - size.columns));
  if (seen[0] === "") seen[0] = " ";
  return {
    pieces: [...pieces, piece(last, 0, fill(seen.join("") + safeText(fault), size.columns))],
    cursor: { row: last, column: seen.length },
  };
}
