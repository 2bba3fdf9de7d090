// Tidy CSV (RFC 4180): one row for each key, the time stamp first.
import type { Grouped } from "../measure/grouping";
import { octaves, percentileOf } from "../measure/histogram";
import { reasonName } from "../reasons";
import { type Counters, inOrder } from "../measure/samples";
import type { Columns } from "../measure/columns";
import type { Time } from "../measure/time";
import { safeText } from "../text";

/** One line of fields; those with a comma or quote are quoted. */
export function csvLine(fields: readonly (string | number)[]): string {
  return fields
    .map((field) => (typeof field === "number" ? String(field) : safeText(field)))
    .map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
}

const VALUES: Readonly<Record<Columns, readonly string[]>> = {
  count: ["count"],
  nested: ["count", "reflected"],
  time: ["count", "timed", "total_ns", "max_ns"],
  wide: ["count", "timed", "total_ns", "max_ns", "p50_ns", "p99_ns", "p999_ns"],
  histogram: ["low_ns", "high_ns", "count"],
};

/** The heading; the columns of VM and vCPU are there whatever the grouping, so that files can be put together. */
export function csvHeading(columns: Columns): string {
  return csvLine(["time", "vm", "pid", "vcpu", "isa", "reason", "name", "level", ...VALUES[columns]]);
}

function values(counters: Counters, reflected: number, columns: Columns): (number | string)[][] {
  if (columns === "count") return [[counters.count]];
  if (columns === "nested") return [[counters.count, reflected]];
  const times = [counters.count, counters.timed, counters.totalNs, counters.maxNs];
  if (columns === "time") return [times];
  if (columns === "wide")
    return [[...times, ...[0.5, 0.99, 0.999].map((fraction) => percentileOf(counters, fraction) ?? "")]];
  return octaves(counters.buckets)
    .filter(({ count }) => count > 0)
    .map(({ low, high, count }) => [low, high, count]);
}

/** The rows of one time. */
export function csvLines(time: Time, groups: readonly Grouped[], columns: Columns): string[] {
  const lines: string[] = [];
  for (const [{ vm, vcpu, tid }, samples] of groups)
    for (const sample of inOrder(samples))
      for (const [level, counters] of [sample.l1, sample.l2].entries()) {
        if (counters.count === 0) continue;
        const key = [
          time.end.toISOString(),
          vm?.name ?? "",
          vm?.pid ?? "",
          vcpu ?? (tid === undefined ? "" : `t${tid}`),
          sample.isa,
          sample.reason,
          reasonName(sample.isa, sample.reason) ?? "",
          level + 1,
        ];
        for (const row of values(counters, level === 0 ? 0 : sample.reflected, columns))
          lines.push(csvLine([...key, ...row]));
      }
  return lines;
}
