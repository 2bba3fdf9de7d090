// SPDX-License-Identifier: MIT
// The tools' JSON, one object a line: an interval or a slow exit. docs/kvm-vmexit.schema.json describes it.
import { CHOICES, type Column, type Columns, LEVELS, type Level, cellOf } from "../measure/columns";
import { detailRows } from "../measure/details";
import type { Grouped, Identity } from "../measure/grouping";
import { filledBuckets } from "../measure/histogram";
import { type About, SCHEMA } from "../measure/lines";
import type { Lost } from "../measure/lost";
import { type Sample, inOrder } from "../measure/samples";
import type { SlowExit } from "../measure/slow-exit";
import type { Time } from "../measure/time";
import { reasonName } from "../reasons";
import { jsonText } from "../text";

/** Something of a sample for each level and for both. */
function levels<T>(of: (level: Level) => T): Record<Level, T> {
  const [total, l1, l2] = LEVELS;
  return { total: of(total), l1: of(l1), l2: of(l2) };
}

/** The names of a group's VM and vCPU. */
export function identityFields({ vm, vcpu, tid }: Identity): Record<string, string | number> {
  return {
    ...(vm ? { vm: vm.name, pid: vm.pid, pidStartNs: vm.startNs } : {}),
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(tid === undefined ? {} : { tid }),
  };
}

function columnFields(sample: Sample, columns: readonly Column[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const ofL2: Record<string, unknown> = {};
  for (const { json, jsonLevels, of } of columns)
    if (json !== undefined && jsonLevels === "l2") ofL2[json] = of(cellOf(sample, "l2"));
    else if (json !== undefined) fields[json] = levels((level) => of(cellOf(sample, level)));
  return Object.keys(ofL2).length > 0 ? { ...fields, l2: ofL2 } : fields;
}

function exitFields(sample: Sample, columns: Columns): Record<string, unknown> {
  const { details } = sample;
  const rows = detailRows(sample).map((row) => ({
    text: row.text,
    detail: row.detail ?? null,
    ...valueFields(row.sample, columns),
  }));
  return {
    isa: sample.isa,
    reason: sample.reason,
    name: reasonName(sample.isa, sample.reason) ?? null,
    ...valueFields(sample, columns),
    ...(details ? { details: rows } : {}),
  };
}

function valueFields(sample: Sample, columns: Columns): Record<string, unknown> {
  const buckets = (level: Level) =>
    filledBuckets(cellOf(sample, level).counters.buckets).map(({ low, high, count }) => [low, high, count]);
  return {
    ...columnFields(sample, CHOICES[columns]),
    ...(columns === "histogram" || columns === "wide" ? { histogram: levels(buckets) } : {}),
  };
}

/** What the line of an interval begins with. */
export function headFields({ tool, version, host, options }: About, time: Time): Record<string, unknown> {
  const { start, end, durationNs, final } = time;
  return { schema: SCHEMA, tool, version, host: host ?? null, options, start, end, durationNs, final };
}

/**
 * The line of one interval in pieces, without line break: those of many vCPUs are longer together than a text may be.
 * @param lost undefined where that is unknown
 * @param vcpus how many vCPUs had these exits
 */
export function* jsonPieces(
  about: About,
  time: Time,
  groups: readonly Grouped[],
  lost: Lost | undefined,
  columns: Columns,
  vcpus?: number,
): Generator<string, void> {
  yield `${jsonText({ ...headFields(about, time), vcpus }).slice(0, -1)},"exits":[`;
  let separator = "";
  for (const [identity, samples] of groups)
    for (const sample of inOrder(samples)) {
      yield separator + jsonText({ ...identityFields(identity), ...exitFields(sample, columns) });
      separator = ",";
    }
  yield `],"lost":${jsonText(lost ?? null)}}`;
}

/** jsonPieces() as one text. */
export function jsonLine(...line: Parameters<typeof jsonPieces>): string {
  return [...jsonPieces(...line)].join("");
}

/** The last line of a tool that prints slow exits. */
export function slowEndJson(about: About, time: Time, lost: Lost | undefined): string {
  return jsonText({ ...headFields(about, time), lost: lost ?? null });
}

/** The line of a slow exit. */
export function slowJson(tool: string, exit: SlowExit): string {
  const { vm, tid, vcpu = null, isa, reason, name = null, level, ns, rip = "0x0", details = "" } = exit;
  const { detail = null } = exit;
  return jsonText({
    schema: SCHEMA,
    tool,
    time: exit.end,
    slow: { vm: vm.name, pid: vm.pid, tid, vcpu, isa, reason, name, level, ns, rip, details, detail },
  });
}
