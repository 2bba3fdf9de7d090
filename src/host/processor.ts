// SPDX-License-Identifier: MIT
// The processor: who made it, and which virtualisation it offers.
import { readLines, readText } from "./read";

/** Undefined where the host doesn't tell. */
export interface Processor {
  /** Such as `GenuineIntel`. */
  readonly vendor: string | undefined;
  readonly model: string | undefined;
  /** The vendor of its instruction set for virtual machines; "none" if it shows neither. */
  readonly virtualisation: "vmx" | "svm" | "none" | undefined;
}

// Of one processor: `flags` has some 3 KiB.
const MAX_CPUINFO = 2 ** 16;
const MAX_LINE = 2 ** 14;

const VMX_VENDORS: readonly string[] = ["GenuineIntel", "CentaurHauls", "Shanghai"];
const SVM_VENDORS: readonly string[] = ["AuthenticAMD", "HygonGenuine"];

// X86_VENDOR_* of arch/x86/include/asm/processor.h.
const VENDOR_NUMBERS: Readonly<Record<string, string>> = {
  "0000": "GenuineIntel",
  "0002": "AuthenticAMD",
  "0005": "CentaurHauls",
  "0009": "HygonGenuine",
  "000A": "Shanghai",
};
// X86_FEATURE_VMX is 4 * 32 + 5, X86_FEATURE_SVM 6 * 32 + 2 (arch/x86/include/asm/cpufeatures.h).
const FEATURE_NUMBERS = { vmx: "0085", svm: "00C2" } as const;

function virtualisationOf(has: (flag: "vmx" | "svm") => boolean): "vmx" | "svm" | "none" {
  return has("vmx") ? "vmx" : has("svm") ? "svm" : "none";
}

/** `cpu:type:x86,ven0000fam0006mod003C:feature:,0000,0001,…`, for where /proc/cpuinfo is hidden. */
function fromModalias(text: string): Processor {
  const [, vendor = "", features] = /ven([0-9A-F]{4}).*:feature:,([0-9A-F,]+)/.exec(text) ?? [];
  const numbers = features?.split(",");
  return {
    vendor: VENDOR_NUMBERS[vendor],
    model: undefined,
    virtualisation: numbers && virtualisationOf((flag) => numbers.includes(FEATURE_NUMBERS[flag])),
  };
}

/** The first of the processors; KVM needs all to be alike. */
export function readProcessor(root: string): Processor {
  const fields = new Map<string, string>();
  for (const line of readLines(`${root}/proc/cpuinfo`, MAX_CPUINFO, MAX_LINE)) {
    const colon = line.indexOf(":");
    if (colon < 0) break;
    fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  if (fields.size === 0) return fromModalias(readText(`${root}/sys/devices/system/cpu/modalias`));
  const flags = fields.get("flags")?.split(" ");
  return {
    vendor: fields.get("vendor_id"),
    model: fields.get("model name"),
    virtualisation: flags && virtualisationOf((flag) => flags.includes(flag)),
  };
}

/** The instruction set that KVM uses on such a processor, by its flags or else by who made it; undefined if unknown. */
export function processorIsa({ vendor = "", virtualisation }: Processor): "vmx" | "svm" | undefined {
  if (virtualisation === "vmx" || virtualisation === "svm") return virtualisation;
  if (VMX_VENDORS.includes(vendor)) return "vmx";
  return SVM_VENDORS.includes(vendor) ? "svm" : undefined;
}
