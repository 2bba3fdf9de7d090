// SPDX-License-Identifier: MIT
// The split of vCPUs' time as CSV and JSON.
import { ACTIVITIES } from "../contract";
import { filledBuckets, percentileOf } from "../measure/histogram";
import { COUNTS, MAXIMA, elapsedNs } from "../split/clock";
import type { SplitGroup } from "../split/groups";
import { isoTime } from "../local-time";
import type { About } from "../measure/lines";
import type { Lost } from "../measure/lost";
import type { Time } from "../measure/time";
import { csvText, jsonText } from "../text";
import { csvLine } from "./csv";
import { headFields, identityFields } from "./json";

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const PERCENTILES: readonly (readonly [name: string, fraction: number])[] = [
  ["wait_p50_ns", 0.5],
  ["wait_p99_ns", 0.99],
  ["wait_p999_ns", 0.999],
];

/** The heading of the CSV; a row is a vCPU, a VM or all, with ns of each activity, which together are elapsed_ns. */
export function splitCsvHeading(): string {
  return csvLine([
    "time",
    "vm",
    "pid",
    "vcpu",
    "vcpus",
    "elapsed_ns",
    ...ACTIVITIES.map((activity) => `${snake(activity)}_ns`),
    ...COUNTS,
    ...MAXIMA.map(snake),
    ...PERCENTILES.map(([name]) => name),
    "duration_ns",
  ]);
}

/** The rows of one interval. @param local whether times are local ones with their offset from UTC, in place of UTC */
export function splitCsvLines(time: Time, groups: readonly SplitGroup[], local = false): string[] {
  return groups.map(({ vm, vcpu, tid, vcpus, clock }) =>
    csvLine([
      isoTime(time.end, local),
      vm ? csvText(vm.name) : "",
      vm?.pid ?? "",
      vcpu ?? (tid === undefined ? "" : `t${tid}`),
      vcpus,
      elapsedNs(clock),
      ...ACTIVITIES.map((activity) => clock.ns[activity]),
      ...COUNTS.map((count) => clock.counts[count]),
      ...MAXIMA.map((maximum) => clock.maxima[maximum]),
      ...PERCENTILES.map(
        ([, fraction]) =>
          percentileOf({ buckets: clock.waits, maxNs: clock.maxima.maxWaitNs }, fraction) ?? "",
      ),
      time.durationNs,
    ]),
  );
}

/** The line of one interval, without line break. */
export function splitJsonLine(
  about: About,
  time: Time & { readonly lost: Lost | undefined },
  groups: readonly SplitGroup[],
): string {
  const split = groups.map((group) => ({
    ...identityFields(group),
    vcpus: group.vcpus,
    elapsedNs: elapsedNs(group.clock),
    ns: group.clock.ns,
    ...group.clock.counts,
    ...group.clock.maxima,
    waits: filledBuckets(group.clock.waits).map(({ low, high, count }) => [low, high, count]),
  }));
  return jsonText({ ...headFields(about, time), split, lost: time.lost ?? null });
}
