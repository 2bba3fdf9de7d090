// SPDX-License-Identifier: MIT
// Clocks as a user wants to see them: of each vCPU, each VM, or all together.
import { checkWord } from "../check";
import { type Identity, inOrderOfVms } from "../measure/grouping";
import { type Clock, NO_TIME, addClocks } from "./clock";
import type { SplitReading } from "./reading";

/** What has a row of its own. */
export const SPLIT_GROUPINGS = ["vcpu", "vm", "all"] as const;
export type SplitBy = (typeof SPLIT_GROUPINGS)[number];

/** A clock, and the VM and vCPU that it is of. */
export interface SplitGroup extends Identity {
  readonly clock: Clock;
  /** How many vCPUs were there for some of the time. */
  readonly vcpus: number;
}

/**
 * The clocks of a reading, in the order of VMs' names, pids and starts, and of vCPUs' numbers.
 * @throws UsageError if it isn't told which
 */
export function splitGroup({ clocks, vcpus }: SplitReading, by: SplitBy): SplitGroup[] {
  checkWord("splitGroup()", by, SPLIT_GROUPINGS);
  const groups = new Map<string, SplitGroup>();
  for (const [key, clock] of clocks) {
    const identity = vcpus.get(key) ?? {};
    const { vm } = identity;
    const [group, whose]: [string, Identity] =
      by === "vcpu" ? [key, identity] : by === "vm" && vm ? [`${vm.pid}:${vm.startNs}`, { vm }] : ["", {}];
    const before = groups.get(group);
    groups.set(group, {
      ...whose,
      clock: addClocks(before?.clock ?? NO_TIME, clock),
      vcpus: (before?.vcpus ?? 0) + 1,
    });
  }
  return [...groups.values()].sort(inOrderOfVms);
}
