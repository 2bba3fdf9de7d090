// SPDX-License-Identifier: MIT
// What reasons, VMs and vCPUs are called in tables.
import type { Identity } from "../measure/grouping";
import { OTHERS_VM } from "../measure/roster";
import type { DetailRow } from "../measure/details";
import type { Sample, Samples } from "../measure/samples";
import { reasonName } from "../reasons";
import { safeText } from "../text";

/** What a reason is called in a table: its name, or that it has none. */
export function nameInTable(sample: Pick<Sample, "isa" | "reason">): string {
  return safeText(reasonName(sample.isa, sample.reason) ?? "UNKNOWN");
}

/** What a row of a reason's details is called in a table, below the reason. */
export function detailInTable({ text }: DetailRow): string {
  return `  ${safeText(text)}`;
}

/** Whether a table has rows of details, which are wider than a terminal rather than cut. */
export function hasDetails(samples: Samples): boolean {
  return [...samples.values()].some(({ details }) => details !== undefined);
}

/** How a group is titled above its table: `VM web1 (4242), vCPU 3`; "" for all exits together. */
export function titleOf({ vm, vcpu, tid }: Identity): string {
  if (!vm) return "";
  if (vm === OTHERS_VM) return "VMs and vCPUs that ended earlier";
  const part = vcpu !== undefined ? `, vCPU ${vcpu}` : tid !== undefined ? `, thread ${tid}` : "";
  return `VM ${safeText(vm.name)} (${vm.pid})${part}`;
}
