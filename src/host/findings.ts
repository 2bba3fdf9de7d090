// SPDX-License-Identifier: MIT
// What is known of this host, as findings: each says how something is, what that means, and how it is mended.
import type { Check, Checked } from "./checks/check";
import { architecture, bpf, btf, device, feature, kvm } from "./checks/kernel";
import { privileges, proc, processes } from "./checks/process";
import {
  apicVirtualisation,
  haltPolling,
  modulesBtf,
  nested,
  paging,
  pauseExits,
  processor,
  release,
} from "./checks/facts";
import { debugfs, lockdown, tracefs, tracepoint } from "./checks/tracing";
import type { Machine } from "./machine";

export type { FindingState } from "./checks/check";

/** All that is looked at, in the order in which a tool stops at what is bad. Here one more is added. */
const CHECKS = {
  kernel: release,
  architecture,
  processor,
  proc,
  privileges,
  kvm,
  device,
  lockdown,
  bpf,
  btf,
  "modules' BTF": modulesBtf,
  "mapped counters": feature("BPF arrays that can be mapped", "hold the counters", [5, 5], "array_map_mmap"),
  "start times": feature("task_struct.start_boottime", "tells processes apart", [5, 5], "start_boottime"),
  "ring buffers": feature("BPF ring buffers", "report slow exits", [5, 8], "BPF_MAP_TYPE_RINGBUF"),
  tracefs,
  tracepoint,
  debugfs,
  processes,
  nested,
  paging,
  apic: apicVirtualisation,
  "halt polling": haltPolling,
  "pause exits": pauseExits,
} as const satisfies Readonly<Record<string, Check>>;

/** The name of a finding. */
export type What = keyof typeof CHECKS;

const WHATS = Object.keys(CHECKS) as What[];

/** One thing about the host. */
export interface Finding extends Checked {
  readonly what: What;
}

/** The findings of these names, or all, one after the other in the order of CHECKS. */
export function* findings(machine: Machine, names: readonly What[] = WHATS): Generator<Finding, void> {
  for (const what of WHATS) {
    if (!names.includes(what)) continue;
    const check: Check = CHECKS[what];
    const found = check(machine);
    if (found) yield { what, ...found };
  }
}
