// SPDX-License-Identifier: MIT
// What tables of exits are made with: the options that shape them, the terminal's size, and how headings are marked.
import { SORTS, SORTS_OF_COUNTS, type Sort } from "../../src/measure/ranking";
import type { Time } from "../../src/measure/time";
import { timeStamp } from "../../src/local-time";
import type { Form } from "../../src/render/form";
import { type Unit, readable } from "../../src/render/units";
import { SPLIT_SORTS } from "../../src/split/ranking";
import { wholeNumber } from "./options";
import { emphasized, outputColumns, outputRows } from "./output";
import type { Options } from "./tool";

const sortText = (top: Sort) =>
  `order of the rows of tables, the largest first; by the reason's number unless --top is given, then by ${top}`;

const top = {
  flags: ["--top"],
  value: "N",
  description: "tables have N rows at most, from 1 to 65536, and one that sums up the others",
  parse: (text: string) => wholeNumber("--top", text, 1, 65_536),
} as const;

const rate = {
  flags: ["--rate"],
  description: "tables have exits a second, of the measured time, in place of their number",
} as const;

/** Tables of times with more columns. */
export const WIDE = {
  wide: {
    flags: ["--wide"],
    description: "also the longest, percentiles and the share of the time, as far as the terminal has room",
  },
} as const satisfies Options;

/** How tables of times are shaped. */
export const TIME_TABLES = {
  sort: { flags: ["--sort"], value: "KEY", description: sortText("time"), choices: SORTS },
  top,
  rate,
  l2: { flags: ["--l2"], description: "with --wide: columns of L1 and L2 even where no exit was of L2" },
} as const satisfies Options;

/** How tables of returns to the VMM are shaped. */
export const RETURN_TABLES = { sort: TIME_TABLES.sort, top, rate } as const satisfies Options;

/** How tables of counts are shaped. */
export const COUNT_TABLES = {
  sort: { flags: ["--sort"], value: "KEY", description: sortText("count"), choices: SORTS_OF_COUNTS },
  top,
  rate,
} as const satisfies Options;

/** How tables of vCPUs' time are shaped. */
export const SPLIT_TABLES = {
  sort: {
    flags: ["--sort"],
    value: "KEY",
    description: "order of the rows of tables: VM and vCPU, or most first of a part's share or of exits",
    choices: SPLIT_SORTS,
    default: "name",
  },
  top,
} as const satisfies Options;

/** What a table is about, and the terminal's size. */
export interface Page {
  readonly heading: boolean;
  /** The time in which the exits were counted. */
  readonly durationNs: number;
  /** Whether some table of this moment has exits of nested guests. */
  readonly nested: boolean;
  readonly columns: number | undefined;
  readonly rows: number | undefined;
}

/** The page of exits that were counted in so many ns. */
export function pageOf(heading: boolean, durationNs: number, nested: boolean): Page {
  return { heading, durationNs, nested, columns: outputColumns(), rows: outputRows() };
}

interface TableOptions {
  readonly unit: Unit;
  readonly wide: boolean;
  readonly sort?: Sort;
  readonly top?: number;
  readonly rate: boolean;
  readonly l2?: boolean;
}

/** The form of a table. @param costs what is shown of many rows, where the options don't say */
export function formOf(options: TableOptions, page: Page, costs: Sort): Form {
  const { unit, wide, top, rate, l2 = false } = options;
  return {
    heading: page.heading,
    unit,
    wide,
    sort: options.sort ?? (top === undefined ? "number" : costs),
    top,
    rateNs: rate ? page.durationNs : undefined,
    levels: true,
    nested: page.nested || l2,
    room: page.columns,
  };
}

/** Lines of a table with its heading marked. */
export function headed(lines: readonly string[], heading: boolean): string[] {
  return lines.map((line, i) => (heading && i === 0 ? emphasized(line) : line));
}

/** A line that says how long it was counted, if it was. */
export function measured(durationNs: number): string[] {
  return durationNs > 0 ? [`Measured for ${readable(durationNs)}`] : [];
}

/** Tables with the time of which they are: of an interval its end and how long it took, else how long it was counted. */
export function timed(
  lines: readonly string[],
  { end, durationNs }: Time,
  isInterval: boolean,
  heading: boolean,
): string[] {
  if (!isInterval) return [...lines, ...(heading ? measured(durationNs) : [])];
  return [timeStamp(end) + (heading ? ` (${readable(durationNs)})` : ""), ...lines];
}
