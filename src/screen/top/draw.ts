// SPDX-License-Identifier: MIT
// top's frames: the tables, the pages of details and times, the help, and what the first and last lines say.
import type { Lost } from "../../measure/lost";
import { cellsOf } from "../../render/cells";
import { histogramLines } from "../../render/histogram";
import { lostLines } from "../../render/lost";
import { inUnit } from "../../render/units";
import { labelled } from "../../render/wrap";
import { PARTS } from "../../split/clock";
import { safeText } from "../../text";
import { type Frame, type Piece, type Size, piece } from "../frame";
import {
  type Known,
  type Layout,
  type Scale,
  NAME,
  fill,
  layoutOf,
  share,
  short,
  sparkline,
} from "./columns";
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
  /** Exits a second in the row of that key, the latest last. */
  readonly history: (key: string) => readonly number[];
  readonly scale: Scale;
  readonly known: Known;
  /** Whether reasons have pages of details. */
  readonly details: boolean;
  /** The id of the column that rows are sorted by. */
  readonly sort: string;
  readonly reversed: boolean;
  readonly seconds: number;
  readonly paused: boolean;
  readonly idle: boolean;
  readonly filters: readonly string[];
  /** What was lost of exits and of the split. */
  readonly lost: readonly string[];
  /** Whether nothing was read yet. */
  readonly waiting: boolean;
  /** The first line of the help that is seen; undefined: it isn't shown. */
  readonly help: number | undefined;
  readonly message: string;
  readonly unicode: boolean;
  readonly question?: { readonly prompt: string; readonly typed: string; readonly fault: string };
}

const HINTS = [
  "Enter: into",
  "Left: back",
  "<>: sort",
  "f, g: filter",
  "w: write",
  "q: quit",
  "?: keys",
] as const;

// In fewer columns the tool's name is left out.
const LEAST_NAMED = 60;
// In fewer rows the hints are left out: ? tells the same.
const ROWS_FOR_HINTS = 12;
// A table of details leaves room for the histogram of the row that the cursor is on: a blank, two lines of facts, a
// heading and so many rows; without that room it has the page to itself.
const LEAST_BARS = 4;
const BESIDE_BARS = 4;
const WANTED_BARS = 10;
const LEAST_DETAILS = 4;

/** What was lost, in a line. */
export function lossesOf(exits: Lost | undefined, split: Lost | undefined, details: boolean): string[] {
  // Such exits are counted by their reason: it is only where details are looked at that something is missing.
  const ofExits = exits && lostLines(details ? exits : { ...exits, detailsFull: 0 });
  const ofSplit = split && lostLines(split).map((line) => line.replace("Lost:", "Lost of the split:"));
  return [...(ofExits ?? []), ...(ofSplit ?? [])];
}

/** What lines above the table there are, and how many rows it has. */
interface Page {
  readonly heading: number;
  readonly rows: number;
}

type Paged = Pick<State, "view" | "lost" | "known"> & { readonly rows: { readonly length: number } };

function pageFor({ view, lost, rows, known }: Paged, size: Size): Page {
  const isSplit = known.split && view.kind !== "vms" && view.kind !== "vcpus";
  const third = lost.length > 0 || isSplit || size.rows >= ROWS_FOR_HINTS;
  const heading = third ? 3 : 2;
  const body = Math.max(1, size.rows - heading - 2);
  const forBars = body - BESIDE_BARS;
  if (view.kind !== "details" || forBars < LEAST_DETAILS + LEAST_BARS) return { heading, rows: body };
  return { heading, rows: Math.min(rows.length, Math.max(LEAST_DETAILS, forBars - WANTED_BARS)) };
}

/** How many rows of the table a screen has. */
export function pageOf(state: Paged, size: Size): number {
  return pageFor(state, size).rows;
}

/** As many of the parts as fit, with ".." for those that don't. */
function fitting(parts: readonly string[], between: string, columns: number): string {
  const line = parts.join(between);
  if (cellsOf(line).length <= columns) return line;
  for (let most = parts.length - 1; most > 0; most--) {
    const cut = [...parts.slice(0, most), ".."].join(between);
    if (cellsOf(cut).length <= columns) return cut;
  }
  return line;
}

/** What was measured. */
function headline({ rows, scale, seconds, paused }: State, columns: number): string {
  const [all] = rows;
  const { count = 0, totalNs = 0 } = all ?? {};
  const length = Math.max(scale.durationNs, 1) / 1e9;
  const time = scale.absolute ? `in ${length.toFixed(1)} s` : `every ${seconds} s`;
  const exits = scale.absolute ? `${short(count, 9)} exits` : `${short(count / length, 9)} exits/s`;
  const name = columns < LEAST_NAMED ? "" : "kvm-vmexit top - ";
  const state = `${name}${paused ? "PAUSED, " : ""}${time}: ${exits}`;
  return fitting([state, `taking ${share(totalNs, scale)} % of a CPU`], ", ", columns);
}

/** Where the time went of the vCPUs that a page is about. */
function splitLine([all]: readonly Row[], columns: number): string {
  const parts = PARTS.map((part) => {
    const share = all?.shareOf(part);
    return `${part} ${share === undefined ? "-" : `${(100 * share).toFixed(1)}%`}`;
  });
  return fitting(parts, "  ", columns);
}

/** Where the user is; of a long way its end. */
function wayOf(path: readonly string[], columns: number): string {
  for (let first = 0; first < path.length - 1; first++) {
    const way = [...(first > 0 ? [".."] : []), ...path.slice(first)].join(" > ");
    if (cellsOf(way).length <= columns) return way;
  }
  return path.at(-1) ?? "";
}

function headPieces(state: State, { heading }: Page, { columns }: Size): Piece[] {
  const { path, filters, idle, lost, rows, view, known } = state;
  const facts = [...filters, ...(idle ? [] : ["idle exits hidden"])].map((fact) => `  ${fact}`).join("");
  const factsWidth = cellsOf(safeText(facts)).length;
  const way = wayOf(path.map(safeText), Math.max(columns - factsWidth, columns >> 1));
  const pieces = [
    piece(0, 0, fill(headline(state, columns), columns), "bold"),
    piece(1, 0, fill(way + safeText(facts), columns)),
  ];
  if (heading < 3) return pieces;
  const isSplit = known.split && view.kind !== "vms" && view.kind !== "vcpus";
  if (lost.length > 0) pieces.push(piece(2, 0, fill(fitting(lost, "; ", columns), columns), "standout"));
  else pieces.push(piece(2, 0, isSplit ? splitLine(rows, columns) : fitting(HINTS, "  ", columns)));
  return pieces;
}

/** A heading with a sign of the order, if rows are sorted by it. */
function marked(heading: string, sorted: boolean, { reversed, unicode }: State): string {
  if (!sorted) return heading;
  return (unicode ? (reversed ? "▲" : "▼") : reversed ? "^" : "v") + heading;
}

/** The line of headings, and one for each row that is seen. */
function tableLines(
  state: State,
  { name, columns, history }: Layout,
  seen: readonly Row[],
  names: readonly string[],
) {
  const { scale, sort, unicode } = state;
  const heading = [
    fill(marked(NAME.heading, sort === "name", state), name),
    ...columns.map((column) =>
      fill(marked(column.heading(scale), sort === column.id, state), column.width, "right"),
    ),
    ...(history > 0 ? [fill("HISTORY", history, "right")] : []),
  ].join(" ");
  const lines = seen.map((row, at) =>
    [
      fill(names[at] ?? "", name),
      ...columns.map((column) => fill(column.text(row, scale), column.width, "right")),
      ...(history > 0 ? [sparkline(state.history(row.key), history, unicode)] : []),
    ].join(" "),
  );
  return { heading, lines };
}

function tablePieces(state: State, page: Page, size: Size): Piece[] {
  const { rows, view, scale, known, top, selected, sort } = state;
  const seen = rows.slice(top, top + page.rows);
  const names = seen.map(({ name }) => safeText(name));
  const longest = Math.max(NAME.heading.length, ...names.map((name) => cellsOf(name).length));
  const layout = layoutOf(view.kind, known, sort, size.columns, longest, scale);
  const { heading, lines } = tableLines(state, layout, seen, names);
  const first = page.heading + 1;
  const pieces = [
    piece(page.heading, 0, fill(heading, size.columns), "underline"),
    ...lines.map((line, at) =>
      piece(first + at, 0, fill(line, size.columns), seen[at]?.key === selected ? "standout" : "plain"),
    ),
  ];
  const room = size.rows - 1 - first - seen.length - 1;
  const row = rows.find(({ key }) => key === selected) ?? rows[0];
  const bars = view.kind === "details" && row && room >= BESIDE_BARS - 1 + LEAST_BARS;
  const times = bars ? timesLines(row, state.scale, size.columns, room) : { lines: [], hidden: 0 };
  times.lines.forEach((line, at) =>
    pieces.push(piece(first + seen.length + 1 + at, 0, fill(line, size.columns))),
  );
  const below = rows.length - top - seen.length;
  const remarks = [
    ...(top > 0 || below > 0 ? [`rows ${top + 1} to ${top + seen.length} of ${rows.length}`] : []),
    ...hiddenRemark(times.hidden),
    ...layout.leftOut.map((name, at) => (at === 0 ? `no room for ${name}` : name)),
  ];
  if (remarks.length > 0) pieces.push(piece(size.rows - 1, 0, fitting(remarks, ", ", size.columns)));
  if (rows.length === 1 && rows[0]?.count === 0)
    pieces.push(
      piece(first + 2, 2, state.waiting ? "Counting..." : "No exits. Filters and hidden idle exits: c, i"),
    );
  return pieces;
}

const hiddenRemark = (rows: number) => (rows > 0 ? [`no room for ${rows} rows of the histogram`] : []);

/** Numbers of a row's exits, and as much of their histogram as fits into so many lines. */
function timesLines(
  row: Row,
  scale: Scale,
  columns: number,
  room: number,
): { readonly lines: readonly string[]; readonly hidden: number } {
  const { unit } = scale;
  const inTime = (ns: number | undefined) => (ns === undefined ? "-" : `${inUnit(ns, unit)} ${unit}`);
  const facts = [
    [
      `exits ${row.count}`,
      `a second ${short(row.count / (Math.max(scale.durationNs, 1) / 1e9), 9)}`,
      `average ${inTime(row.averageNs)}`,
      `max ${row.timed > 0 ? inTime(row.maxNs) : "-"}`,
      `L2 ${row.l2}`,
      `vCPUs ${row.vcpus}`,
    ],
    [0.5, 0.9, 0.99, 0.999].map((part) => `P${String(100 * part)} ${inTime(row.percentileNs(part))}`),
  ].map((parts) => fitting(parts, "  ", columns));
  const all = histogramLines(row.buckets, { unit, heading: true, trim: true, columns });
  const bars = all.slice(0, Math.max(0, room - facts.length));
  return { lines: [...facts, ...bars], hidden: all.length - bars.length };
}

const NO_DETAILS = "top --details tells what these exits were about";

/** The times of one row. */
function timesPieces(state: State, page: Page, size: Size): Piece[] {
  const [row] = state.rows;
  if (!row) return [];
  const isUntold = !state.details && state.view.reason !== undefined;
  const { lines, hidden } = timesLines(
    row,
    state.scale,
    size.columns,
    Math.max(2, size.rows - page.heading - 1),
  );
  return [
    ...lines.map((line, at) => piece(page.heading + at, 0, fill(line, size.columns))),
    piece(size.rows - 1, 0, hiddenRemark(hidden)[0] ?? (isUntold ? NO_DETAILS : "")),
  ];
}

/** The lines of the help, as wide as the terminal. */
export function helpLines({ columns }: Size): string[] {
  const lines = keyLines();
  const indent = Math.max(...lines.map(([label]) => label.length)) + 4;
  return lines.flatMap(([label, meaning]) => labelled(`  ${label}`, indent, meaning, columns));
}

/** The help: all of it, or what fits from a line on. */
function helpPieces(from: number, size: Size): Piece[] {
  const lines = helpLines(size);
  const room = Math.max(1, size.rows - 2);
  const title =
    lines.length > room
      ? `Keys, lines ${from + 1} to ${Math.min(lines.length, from + room)} of ${lines.length}; PgDn goes on, q back`
      : "Keys of kvm-vmexit top; any key goes back";
  return [
    piece(0, 0, fill(title, size.columns), "bold"),
    ...lines.slice(from, from + room).map((line, at) => piece(2 + at, 0, line)),
  ];
}

/** The frame of a state. */
export function frameOf(state: State, size: Size): Frame {
  if (state.help !== undefined) return { pieces: helpPieces(state.help, size) };
  const page = pageFor(state, size);
  const body = state.view.kind === "times" ? timesPieces(state, page, size) : tablePieces(state, page, size);
  const last = size.rows - 1;
  const pieces = [...headPieces(state, page, size), ...body].filter(({ row }) => row <= last);
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
