// SPDX-License-Identifier: MIT
// The VM and vCPU of a line's counters and clocks.
import type { Vm } from "../host/vm";
import type { Identity } from "../measure/grouping";
import { OTHERS, OTHERS_VM, vcpuKey } from "../measure/roster";
import { type Fields, nsOf, textOf, wholeOf } from "./fields";

/** The VM and vCPU, and a key that is theirs in all lines. */
export function identityOf(fields: Fields): [string, Identity] {
  if (fields["vm"] === undefined) return ["", {}];
  const pid = wholeOf(fields["pid"], "pid");
  if (pid === OTHERS_VM.pid) return [OTHERS, { vm: OTHERS_VM }];
  const startNs = nsOf(fields["pidStartNs"], "pidStartNs");
  const vm: Vm = { pid, startNs, name: textOf(fields["vm"], "vm"), source: "process" };
  const [vcpu, tid] = [fields["vcpu"], fields["tid"]];
  if (vcpu !== undefined) {
    const number = wholeOf(vcpu, "vcpu");
    return [vcpuKey(pid, startNs, number, 0), { vm, vcpu: number }];
  }
  if (tid === undefined) return [`${pid}:${startNs}:`, { vm }];
  const thread = wholeOf(tid, "tid");
  return [vcpuKey(pid, startNs, -1, thread), { vm, tid: thread }];
}
