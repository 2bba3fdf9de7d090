// SPDX-License-Identifier: MIT
// Tidy CSV (RFC 4180): one row for each key, the time stamp first.
import { isoTime } from "../local-time";
import { CHOICES, type Columns, cellOf } from "../measure/columns";
import { detailRows } from "../measure/details";
import type { Grouped } from "../measure/grouping";
import { octaves } from "../measure/histogram";
import { type Sample, inOrder } from "../measure/samples";
import type { Time } from "../measure/time";
import { reasonName } from "../reasons";
import { csvText, safeText } from "../text";

/** One line of fields; those with a comma or quote are quoted. */
export function csvLine(fields: readonly (string | number)[]): string {
  return fields
    .map((field) => (typeof field === "number" ? String(field) : safeText(field)))
    .map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
}

const KEY = ["time", "vm", "pid", "vcpu", "isa", "reason", "name", "level"];
const BUCKET = ["low_ns", "high_ns", "count"];
// Of the interval, by a clock that is never set: rates are count / duration_ns.
const DURATION = "duration_ns";

/** The heading; the columns of VM and vCPU are there whatever the grouping, so that files can be put together. */
export function csvHeading(columns: Columns, details = false): string {
  const values = CHOICES[columns].flatMap(({ csv }) => csv ?? []);
  return csvLine([
    ...KEY,
    ...(details ? ["detail"] : []),
    ...(columns === "histogram" ? BUCKET : values),
    DURATION,
  ]);
}

/** The rows of values of a sample at a level. */
function values(sample: Sample, level: "l1" | "l2", columns: Columns): (number | string)[][] {
  const cell = cellOf(sample, level);
  if (columns !== "histogram")
    return [CHOICES[columns].flatMap(({ csv, of }) => (csv === undefined ? [] : [of(cell) ?? ""]))];
  return octaves(cell.counters.buckets)
    .filter(({ count }) => count > 0)
    .map(({ low, high, count }) => [low, high, count]);
}

/** A reason's samples with their details; each exit is in one of them. */
function parts(sample: Sample): (readonly [string, Sample])[] {
  const rows = detailRows(sample);
  return rows.length === 0 ? [["", sample]] : rows.map((row) => [row.text, row.sample]);
}

/** csvLines() in steps. */
export function* csvSteps(
  time: Time,
  groups: readonly Grouped[],
  columns: Columns,
  local = false,
  details = false,
): Generator<string, void> {
  for (const [{ vm, vcpu, tid }, samples] of groups)
    for (const [detail, sample] of inOrder(samples).flatMap(parts))
      for (const level of ["l1", "l2"] as const) {
        if (sample[level].count === 0) continue;
        const key = [
          isoTime(time.end, local),
          vm ? csvText(vm.name) : "",
          vm?.pid ?? "",
          vcpu ?? (tid === undefined ? "" : `t${tid}`),
          sample.isa,
          sample.reason,
          reasonName(sample.isa, sample.reason) ?? "",
          level === "l1" ? 1 : 2,
          ...(details ? [detail] : []),
        ];
        for (const row of values(sample, level, columns)) yield csvLine([...key, ...row, time.durationNs]);
      }
}

/** The rows of one interval. @param local whether times are local ones with their offset from UTC, in place of UTC */
export function csvLines(...rows: Parameters<typeof csvSteps>): string[] {
  return [...csvSteps(...rows)];
}
