// SPDX-License-Identifier: MIT
// The vCPUs' clocks of a line.
import { elapsedNs, makeClock } from "../split/clock";
import type { SplitGroup } from "../split/groups";
import { addBuckets } from "./exits";
import { agree, fieldsOf, nsOf, wholeOf } from "./fields";
import { identityOf } from "./identity";

/** What a row of `split` says. @throws UsageError if it is none */
export function clockOf(value: unknown): SplitGroup {
  const row = fieldsOf(value, "a row of split");
  const ns = fieldsOf(row["ns"], "ns");
  const waits: number[] = [];
  addBuckets(waits, row["waits"], "waits");
  const whole = (name: string) => wholeOf(row[name], name);
  const clock = makeClock(
    (activity) => nsOf(ns[activity], `ns.${activity}`),
    whole,
    (name) => nsOf(row[name], name),
    waits,
  );
  if (row["elapsedNs"] !== undefined)
    agree(nsOf(row["elapsedNs"], "elapsedNs"), elapsedNs(clock), "elapsedNs", "the activities' ns are");
  const [, identity] = identityOf(row);
  return { ...identity, clock, vcpus: whole("vcpus") };
}
