// SPDX-License-Identifier: MIT
// What isn't needed, but decides what can be seen: versions, the modules' types, parameters of KVM's modules.
import type { Machine } from "../machine";
import { type Checked, good, limited, unknown } from "./check";

export const release = ({ release }: Machine): Checked => good(`Linux ${release}`);

export function processor({ processor, arch }: Machine): Checked | undefined {
  if (arch !== "x64" && processor.model === undefined) return undefined;
  const { vendor, model, virtualisation } = processor;
  const name = model ?? vendor;
  if (name === undefined)
    return unknown("the processor can't be seen: /proc and /sys don't tell", "mount /proc and /sys whole");
  const kind =
    virtualisation === undefined || virtualisation === "none" ? "" : ` with ${virtualisation.toUpperCase()}`;
  return good(`${name}${kind}`);
}

/** Whether programs can be given KVM's own structs. */
export function modulesBtf(machine: Machine): Checked | undefined {
  const { kvm, arch } = machine;
  if (arch !== "x64" || kvm?.isKnown !== true) return undefined;
  const lacking = ["kvm", kvm.module].filter(
    (module) => machine.has(`/sys/module/${module}/initstate`) && !machine.has(`/sys/kernel/btf/${module}`),
  );
  return lacking.length === 0
    ? good("the types of KVM's modules are described in BTF")
    : limited(
        `${lacking.join(" and ")} ${lacking.length === 1 ? "has" : "have"} no BTF: tools can't attach directly, which ` +
          "takes least of the guests' time",
        "use Linux 5.16 or later built with CONFIG_DEBUG_INFO_BTF_MODULES=y",
      );
}

/** A parameter of a module of KVM's; undefined where it has none or can't be read. */
export function parameter(machine: Machine, module: string, name: string): string | undefined {
  return machine.text(`/sys/module/${module}/parameters/${name}`).trim() || undefined;
}

/** What differs between the vendors, whose parameters have other names. */
export function ofVendor(
  machine: Machine,
  names: Readonly<Record<"vmx" | "svm", string>>,
):
  | { readonly name: string; readonly module: string; readonly value: string; readonly isOn: boolean }
  | undefined {
  const { kvm } = machine;
  if (kvm?.isKnown !== true || (kvm.isa !== "vmx" && kvm.isa !== "svm")) return undefined;
  const name = names[kvm.isa];
  const value = parameter(machine, kvm.module, name);
  if (value === undefined) return undefined;
  return { name, module: kvm.module, value, isOn: !/^(N|0)$/.test(value) };
}

export function nested(machine: Machine): Checked | undefined {
  const found = ofVendor(machine, { vmx: "nested", svm: "nested" });
  if (!found) return undefined;
  return found.isOn
    ? good("guests may run guests, whose exits are of level L2")
    : good("guests may not run guests: all exits are of level L1");
}

export function paging(machine: Machine): Checked | undefined {
  const found = ofVendor(machine, { vmx: "ept", svm: "npt" });
  if (!found) return undefined;
  const { name, module, isOn } = found;
  return isOn
    ? good(`guests have page tables of their own (${name})`)
    : limited(
        `${name} is off: each change of a guest's page tables exits, and page faults are exits of exceptions`,
        `reload ${module} with ${name}=1, if the processor has it`,
      );
}

export function apicVirtualisation(machine: Machine): Checked | undefined {
  const found = ofVendor(machine, { vmx: "enable_apicv", svm: "avic" });
  if (!found) return undefined;
  return found.isOn
    ? good(`${found.name} is on: most accesses of the local APIC don't exit`)
    : good(`${found.name} is off: accesses of the local APIC exit`);
}

export function haltPolling(machine: Machine): Checked | undefined {
  const ns = Number(parameter(machine, "kvm", "halt_poll_ns") ?? NaN);
  if (!Number.isSafeInteger(ns)) return undefined;
  return ns === 0
    ? good("off: a vCPU that halts sleeps at once")
    : good(`a vCPU that halts may poll for ${ns / 1000} us before it sleeps, in its exit's handling time`);
}

export function pauseExits(machine: Machine): Checked | undefined {
  const found = ofVendor(machine, { vmx: "ple_gap", svm: "pause_filter_count" });
  if (!found) return undefined;
  return found.isOn
    ? good(`on (${found.name}=${found.value}): a vCPU that spins exits`)
    : good(`off (${found.name}=0): a vCPU that spins doesn't exit`);
}
