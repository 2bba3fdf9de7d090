// What reasons, VMs and vCPUs are called in tables.
import type { Identity } from "../measure/grouping";
import { OTHERS_VM } from "../measure/roster";
import type { Sample } from "../measure/samples";
import { reasonName } from "../reasons";
import { safeText } from "../text";

/** What a reason is called in a table: its name, or that it has none. */
export function nameInTable(sample: Pick<Sample, "isa" | "reason">): string {
  return safeText(reasonName(sample.isa, sample.reason) ?? "UNKNOWN");
}

/** How a group is titled above its table: `VM web1 (4242), vCPU 3`; "" for all exits together. */
export function titleOf({ vm, vcpu, tid }: Identity): string {
  if (!vm) return "";
  if (vm === OTHERS_VM) return "VMs and vCPUs that ended earlier";
  const part = vcpu !== undefined ? `, vCPU ${vcpu}` : tid !== undefined ? `, thread ${tid}` : "";
  return `VM ${safeText(vm.name)} (${vm.pid})${part}`;
}
