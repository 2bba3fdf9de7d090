// SPDX-License-Identifier: MIT
// The log2 histogram as text, in the layout of bcc's print_log2_hist.
import { octaves } from "../measure/histogram";
import { type Counters, average } from "../measure/samples";
import { type Unit, exactly, inUnit } from "./units";

const COLUMNS = 80;
const BAR = 40;

/** How a histogram is shown. */
export interface HistogramForm {
  readonly unit: Unit;
  readonly heading: boolean;
  /** Leave out the empty rows before the first that has exits. */
  readonly trim?: boolean;
  /** Lines that there are for it: where the whole has more, it is trimmed. */
  readonly rows?: number | undefined;
  /** Columns of the terminal, 80 unless given. */
  readonly columns?: number | undefined;
}

/** Of how many exits a histogram is, and their average: `1245 exits, average 3437190 ns`. */
export function histogramTitle(counters: Counters, unit: Unit): string {
  const { count, timed } = counters;
  const exits = (number: number) => `${number} exit${number === 1 ? "" : "s"}`;
  const untimed = count > timed ? `, ${count - timed} more without a time` : "";
  return timed === 0
    ? exits(count) + (count === 0 ? "" : " without a time")
    : `${exits(timed)}, average ${inUnit(average(counters), unit)} ${unit}${untimed}`;
}

/** Lines of a histogram of handling times: a heading, then a row for each power of two up to the last used. */
export function histogramLines(buckets: readonly number[], form: HistogramForm): string[] {
  const { unit, heading, rows: most = Infinity, columns = COLUMNS } = form;
  const all = octaves(buckets);
  const trim = form.trim === true || all.length + (heading ? 1 : 0) > most;
  const used = trim ? all.slice(all.findIndex(({ count }) => count > 0)) : all;
  const rows = used.map(({ low, high, count }) => ({
    low: exactly(low, unit),
    high: exactly(high, unit),
    count,
  }));
  const highest = Math.max(...rows.map((row) => row.count), 1);
  const width = Math.max(10, ...rows.map((row) => row.high.length));
  const counts = Math.max(8, ...rows.map((row) => String(row.count).length));
  const bar = Math.max(0, Math.min(BAR, columns - 2 * width - counts - 10));
  const lines = rows.map(({ low, high, count }) => {
    const range = `${low.padStart(width)} -> ${high.padEnd(width)}`;
    return `${range} : ${String(count).padEnd(counts)} |${"*".repeat(Math.floor((bar * count) / highest)).padEnd(bar)}|`;
  });
  const value = `     value (${unit})`;
  const title = `${value.padEnd(2 * width + 4)} : ${"count".padEnd(counts)}  distribution`;
  return heading ? [title, ...lines] : lines;
}
