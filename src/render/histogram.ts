// The log2 histogram as text, in the layout of bcc's print_log2_hist.
import { octaves } from "../measure/histogram";
import { type Unit, exactly } from "./units";

const COLUMNS = 80;
const BAR = 40;

/** How a histogram is shown. */
export interface HistogramForm {
  /** Leave out the empty rows before the first that has exits. */
  readonly trim?: boolean;
  /** Columns of the terminal, 80 unless given. */
  readonly columns?: number;
}

/** Lines of a histogram of handling times: a heading, then a row for each power of two up to the last used. */
export function histogramLines(
  buckets: readonly number[],
  unit: Unit,
  heading: boolean,
  { trim = false, columns = COLUMNS }: HistogramForm = {},
): string[] {
  const all = octaves(buckets);
  const used = trim ? all.slice(all.findIndex(({ count }) => count > 0)) : all;
  const rows = used.map(({ low, high, count }) => ({
    low: exactly(low, unit),
    high: exactly(high, unit),
    count,
  }));
  const most = Math.max(...rows.map((row) => row.count), 1);
  const width = Math.max(10, ...rows.map((row) => row.high.length));
  const counts = Math.max(8, ...rows.map((row) => String(row.count).length));
  const bar = Math.max(0, Math.min(BAR, columns - 2 * width - counts - 10));
  const lines = rows.map(({ low, high, count }) => {
    const range = `${low.padStart(width)} -> ${high.padEnd(width)}`;
    return `${range} : ${String(count).padEnd(counts)} |${"*".repeat(Math.floor((bar * count) / most)).padEnd(bar)}|`;
  });
  const title = `${"     value".padEnd(2 * width + 4)} : ${"count".padEnd(counts)}  distribution`;
  return heading ? [title, ...lines] : lines;
}
