// SPDX-License-Identifier: MIT
// What can be shown of a sample: one list that tables, CSV, JSON and its schema read.
import { percentileOf } from "./histogram";
import { type Counters, type Sample, average, total } from "./samples";

/** A tool's choice: counts, who handled L2's, with times, with their percentiles (JSON: histograms), histograms. */
export type Columns = "count" | "nested" | "time" | "wide" | "histogram";

/** The levels of which values are shown. */
export const LEVELS = ["total", "l1", "l2"] as const;
export type Level = (typeof LEVELS)[number];

/** What a column computes a value from. */
export interface Cell {
  readonly counters: Counters;
  /** How many of these exits L0 gave to L1. */
  readonly reflected: number;
  /** The handling time of all samples of the table. */
  readonly allNs: number;
}

/** Something that is shown of a sample. */
export interface Column {
  /** In tables. */
  readonly heading: string;
  /** Of columns that only wide tables of times have: where there is no room, the lowest rank goes first. */
  readonly rank?: number;
  readonly unit: "exits" | "ns" | "%";
  /** undefined where there is nothing to tell. */
  readonly of: (cell: Cell) => number | undefined;
  /** Name in CSV; without, it isn't there. */
  readonly csv?: string;
  /** Name in JSON, with a value for each level or for L2 alone. */
  readonly json?: string;
  /** All levels unless given. */
  readonly jsonLevels?: "all" | "l2";
}

const quantile =
  (fraction: number) =>
  ({ counters }: Cell) =>
    percentileOf(counters, fraction);

/** All columns. */
export const COLUMN = {
  count: {
    heading: "Total",
    unit: "exits",
    of: ({ counters }) => counters.count,
    csv: "count",
    json: "count",
  },
  reflected: {
    heading: "L2 to L1",
    unit: "exits",
    of: ({ reflected }) => reflected,
    csv: "reflected",
    json: "reflected",
    jsonLevels: "l2",
  },
  handled: {
    heading: "L2 by L0",
    unit: "exits",
    of: ({ counters, reflected }) => counters.count - reflected,
    json: "handled",
    jsonLevels: "l2",
  },
  timed: {
    heading: "Timed",
    unit: "exits",
    of: ({ counters }) => counters.timed,
    csv: "timed",
    json: "timed",
  },
  totalNs: {
    heading: "Time",
    unit: "ns",
    of: ({ counters }) => counters.totalNs,
    csv: "total_ns",
    json: "timeNs",
  },
  average: { heading: "Avg", unit: "ns", of: ({ counters }) => average(counters) },
  maxNs: {
    heading: "Max",
    rank: 5,
    unit: "ns",
    of: ({ counters }) => counters.maxNs,
    csv: "max_ns",
    json: "maxNs",
  },
  p50: { heading: "P50", rank: 2, unit: "ns", of: quantile(0.5), csv: "p50_ns" },
  p99: { heading: "P99", rank: 4, unit: "ns", of: quantile(0.99), csv: "p99_ns" },
  p999: { heading: "P99.9", rank: 1, unit: "ns", of: quantile(0.999), csv: "p999_ns" },
  share: {
    heading: "Time%",
    rank: 6,
    unit: "%",
    of: ({ counters, allNs }) => (allNs === 0 ? undefined : (100 * counters.totalNs) / allNs),
  },
} as const satisfies Readonly<Record<string, Column>>;

const TIMES = [COLUMN.count, COLUMN.timed, COLUMN.totalNs, COLUMN.maxNs];

/** What each choice has, in order. Histograms are in the JSON of the last two, and in the CSV of the last. */
export const CHOICES: Readonly<Record<Columns, readonly Column[]>> = {
  count: [COLUMN.count],
  nested: [COLUMN.count, COLUMN.reflected, COLUMN.handled],
  time: TIMES,
  wide: [...TIMES, COLUMN.p50, COLUMN.p99, COLUMN.p999, COLUMN.share],
  histogram: TIMES,
};

/** What a sample's columns compute from at a level. */
export function cellOf(sample: Sample, level: Level, allNs = 0): Cell {
  const counters = level === "total" ? total(sample) : sample[level];
  return { counters, reflected: level === "l1" ? 0 : sample.reflected, allNs };
}
