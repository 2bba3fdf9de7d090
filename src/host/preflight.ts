// SPDX-License-Identifier: MIT
// What each way of tracing needs of this host: it stops at the first finding that is bad.
import { ToolError } from "../errors";
import type { Isa } from "../reasons";
import { type What, findings } from "./findings";
import { Machine } from "./machine";

/** What recordings and counts of events need. */
export const TRACING: readonly What[] = [
  "architecture",
  "proc",
  "privileges",
  "kvm",
  "device",
  "lockdown",
  "bpf",
  "btf",
  "mapped counters",
  "tracefs",
  "tracepoint",
];
/** What counting exits needs, which tells VMs apart by process and its start. */
export const COUNTING: readonly What[] = [...TRACING, "start times"];
/** What reporting slow exits needs. */
export const REPORTING: readonly What[] = [...COUNTING, "ring buffers"];

/**
 * Makes sure that nothing of `needs` is bad here.
 * @throws ToolError with the first of these findings that is bad, and its mend
 */
export function requireGood(machine: Machine, needs: readonly What[]): void {
  for (const { state, meaning, mend = "" } of findings(machine, needs))
    if (state === "bad") throw new ToolError(`${meaning}; ${mend}`);
}

/**
 * Makes sure that this host can be traced; changes nothing and learns nothing.
 * @returns the instruction set of the host's exits
 * @throws as requireGood() does
 */
export function preflight(machine = new Machine(), needs: readonly What[] = COUNTING): Isa {
  requireGood(machine, needs);
  if (!machine.kvm) throw new ToolError("KVM is not loaded");
  return machine.kvm.isa;
}
