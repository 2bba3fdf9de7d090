// SPDX-License-Identifier: MIT
// The columns of top's tables: what they show of a row, how wide they are, and which go first where there is no room.
import { cellsOf } from "../../render/cells";
import { type Unit, fitted } from "../../render/units";
import type { Part } from "../../split/clock";
import type { Row, View } from "./rows";

/** What numbers are made with. */
export interface Scale {
  /** Of the time that the rows are about. */
  readonly durationNs: number;
  readonly unit: Unit;
  /** Counts in place of counts a second. */
  readonly absolute: boolean;
}

export interface Column {
  readonly id: string;
  readonly heading: (scale: Scale) => string;
  readonly width: number;
  /** What rows are sorted by, from high to low; undefined is the lowest. */
  readonly value: (row: Row) => number | undefined;
  readonly text: (row: Row, scale: Scale) => string;
  /** The tables that have it; all if missing. */
  readonly kinds?: readonly View["kind"][];
  /** Only where this is known and wanted. */
  readonly needs?: keyof Known;
  /** The lowest goes first where there is no room. */
  readonly rank: number;
}

const SCALES = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** A number in so many characters at most: `1234567`, `12.3M`. */
export function short(value: number, width: number): string {
  const whole = value.toFixed(value < 9.95 && !Number.isInteger(value) ? 1 : 0);
  if (whole.length <= width) return whole;
  const [scale, letter] = SCALES.find(([scale]) => value >= scale) ?? [1, ""];
  const text = [1, 0].map((decimals) => (value / scale).toFixed(decimals) + letter);
  return text.find(({ length }) => length <= width) ?? value.toExponential(0);
}

const seconds = ({ durationNs }: Scale) => Math.max(durationNs, 1) / 1e9;

function time(ns: number | undefined, { unit }: Scale, width: number): string {
  return ns === undefined ? "-" : fitted(ns, unit, width);
}

function counting(id: string, heading: string, rank: number, of: (row: Row) => number): Column {
  const width = 9;
  return {
    id,
    heading: ({ absolute }) => (absolute ? heading : `${heading}/s`),
    width,
    value: of,
    text: (row, scale) => short(of(row) / (scale.absolute ? 1 : seconds(scale)), width),
    rank,
  };
}

function timing(id: string, heading: string, rank: number, of: (row: Row) => number | undefined): Column {
  const width = 8;
  return {
    id,
    heading: ({ unit }) => `${heading} ${unit}`,
    width,
    value: of,
    text: (row, scale) => time(of(row), scale, width),
    rank,
  };
}

/** The share of the elapsed time for which exits were handled, in % of one CPU. */
export function share(totalNs: number, { durationNs }: Scale): string {
  return ((100 * totalNs) / Math.max(durationNs, 1)).toFixed(1);
}

/** A part of the vCPUs' time, which together is 100 %. */
function splitting(part: Part, heading: string, width: number, rank: number): Column {
  return {
    id: part,
    heading: () => heading,
    width,
    value: (row) => row.shareOf(part),
    text: (row) => percent(row.shareOf(part)),
    kinds: ["vms", "vcpus"],
    needs: "split",
    rank,
  };
}

const percent = (share: number | undefined) => (share === undefined ? "-" : (100 * share).toFixed(1));

export const COLUMNS: readonly Column[] = [
  {
    id: "pid",
    heading: () => "PID",
    width: 7,
    value: ({ pid }) => pid,
    text: ({ pid }) => (pid === undefined ? "" : String(pid)),
    kinds: ["vms"],
    rank: 2,
  },
  {
    id: "vcpus",
    heading: () => "VCPUS",
    width: 5,
    value: ({ vcpus }) => vcpus,
    text: ({ vcpus }) => String(vcpus),
    kinds: ["vms", "reasons", "details"],
    rank: 1,
  },
  counting("exits", "EXITS", 15, ({ count }) => count),
  { ...counting("l2", "L2", 8, ({ l2 }) => l2), needs: "nested" },
  splitting("guest", "GUEST%", 7, 12),
  splitting("kvm", "KVM%", 6, 14),
  splitting("vmm", "VMM%", 6, 13),
  splitting("poll", "POLL%", 6, 9),
  splitting("idle", "IDLE%", 6, 10),
  splitting("waiting", "WAIT%", 6, 11),
  {
    id: "time",
    heading: () => "TIME%",
    width: 7,
    value: ({ totalNs }) => totalNs,
    text: ({ totalNs }, scale) => share(totalNs, scale),
    rank: 6,
  },
  timing("average", "AVG", 5, ({ averageNs }) => averageNs),
  timing("p99", "P99", 4, (row) => row.percentileNs(0.99)),
  timing("max", "MAX", 3, ({ timed, maxNs }) => (timed === 0 ? undefined : maxNs)),
];

/** What there is to be shown beside exits and their times. */
export interface Known {
  readonly nested: boolean;
  readonly split: boolean;
}

/** The columns that a kind of table has where there is room. */
export function columnsOf(kind: View["kind"], known: Known): readonly Column[] {
  return COLUMNS.filter(
    ({ kinds, needs }) => (kinds?.includes(kind) ?? true) && (needs === undefined || known[needs]),
  );
}

/** The column of names, which has what room is left. */
export const NAME = { heading: "NAME", least: 12, most: 40 } as const;
/** Columns of up to that rank give way to names of so many columns; those of details are long. */
const NAMES = { wanted: 20, rank: 2 } as const;
const DETAILS = { wanted: NAME.most, rank: 4 } as const;
const HISTORY_LEAST = 8;
const HISTORY_MOST = 60;
const HISTORY_RANK = 7;

/** The columns that fit, and what the others are called. */
export interface Layout {
  readonly name: number;
  readonly columns: readonly Column[];
  /** Width of the line of history, 0 if there is no room. */
  readonly history: number;
  readonly leftOut: readonly string[];
}

/**
 * What fits into so many columns of a terminal; what rows are sorted by goes last.
 * @param longest the longest name, in columns
 */
export function layoutOf(
  kind: View["kind"],
  known: Known,
  sort: string,
  room: number,
  longest: number,
  scale: Scale,
): Layout {
  const rankOf = ({ id, rank }: Column) => (id === sort ? Infinity : rank);
  const wanted = columnsOf(kind, known);
  const names = kind === "details" ? DETAILS : NAMES;
  const kept = new Set(wanted);
  let history = true;
  const width = () =>
    [...kept].reduce((sum, column) => sum + column.width + 1, history ? HISTORY_LEAST + 1 : 0);
  for (const column of [...wanted].sort((a, b) => rankOf(a) - rankOf(b))) {
    const rank = rankOf(column);
    const least = rank <= names.rank ? Math.min(names.wanted, Math.max(NAME.least, longest)) : NAME.least;
    if (rank > HISTORY_RANK && width() + least > room) history = false;
    if (width() + least <= room) break;
    kept.delete(column);
  }
  const free = room - width();
  const name = Math.max(1, Math.min(free, NAME.most, Math.max(NAME.least, longest)));
  const columns = wanted.filter((column) => kept.has(column));
  const leftOut = wanted.filter((column) => !kept.has(column)).map((column) => column.heading(scale));
  return {
    name,
    columns,
    history: history ? Math.min(HISTORY_MOST, free - name + HISTORY_LEAST) : 0,
    leftOut: history ? leftOut : [...leftOut, "HISTORY"],
  };
}

/** Text that fills so many columns exactly; what is too long ends with "..". */
export function fill(text: string, width: number, align: "left" | "right" = "left"): string {
  const cells = cellsOf(text);
  if (cells.length > width) {
    const cut = cells.slice(0, Math.max(0, width - 2));
    // Half of a wide character is none.
    if (cells[cut.length] === "") cut.pop();
    const dots = Math.min(2, width);
    return cut.join("") + ".".repeat(dots) + " ".repeat(width - cut.length - dots);
  }
  const space = " ".repeat(width - cells.length);
  return align === "left" ? text + space : space + text;
}

const BLOCKS = "▁▂▃▄▅▆▇█";
// Where the locale isn't UTF-8.
const PLAIN = "_.-~=+*#";

/** Values as a line, the latest last, each by the highest of them; a blank where there was nothing. */
export function sparkline(values: readonly number[], width: number, unicode: boolean): string {
  const seen = values.slice(-width);
  const most = Math.max(...seen, 0);
  const levels = Array.from(unicode ? BLOCKS : PLAIN);
  const line = seen.map((value) =>
    value <= 0
      ? " "
      : (levels[Math.min(levels.length - 1, Math.floor((value / most) * levels.length))] ?? " "),
  );
  return line.join("").padStart(width);
}
