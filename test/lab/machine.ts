// The machine that the tests run on: the instruction set of its exits, how its kernel lets programs attach, and the guest.
import { existsSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { preflight } from "../../src/preflight";
import type { Isa } from "../../src/reasons";
import { PROJECT } from "../tools";

export const ISA: Isa = preflight();

/** The ways to attach that work here: directly only where KVM's modules have BTF, which x86's programs need. */
export const MODES: readonly ("direct" | "record")[] =
  ISA !== "arm64" && existsSync("/sys/kernel/btf/kvm") ? ["direct", "record"] : ["record"];

/** Whether the running kernel is this one or a later one. */
export function kernelIsAtLeast(major: number, minor: number): boolean {
  const [runningMajor = 0, runningMinor = 0] = release().split(".").map(Number);
  return runningMajor > major || (runningMajor === major && runningMinor >= minor);
}

const X86 =
  "--cpuid 23 --out 19 --in 17 --hlt 37 --rdmsr 41 --wrmsr 43 --mmio 13 --hypercall 11 --fail-entry 7";

interface Workload {
  /** The guest's program and its arguments. */
  readonly command: readonly string[];
  /** How often each reason happens that the guest alone makes happen, by our name of it. */
  readonly promised: Readonly<Record<string, number>>;
  /** How many of these exits are the last of their vCPU, which no entry follows. */
  readonly lasts: Readonly<Record<string, number>>;
}

/** Prime numbers of each kind of exit; on SVM of 6 vCPUs in 2 VMs. */
export const WORKLOADS: Readonly<Record<Isa, Workload>> = {
  svm: {
    command: [join(PROJECT, "build", "lab", "guest"), ...X86.split(" "), "--vcpus", "3", "--vms", "2"],
    promised: {
      ERR: 7,
      CPUID: 6 * 23,
      HLT: 6 * 37,
      IOIO: 6 * (19 + 17 + 1),
      MSR: 6 * (41 + 43),
      VMMCALL: 6 * 11,
    },
    lasts: { IOIO: 6 },
  },
  vmx: {
    command: [join(PROJECT, "build", "lab", "guest"), ...X86.split(" ")],
    promised: {
      "INVALID_STATE FAILED_VMENTRY": 7,
      CPUID: 23,
      HLT: 37,
      IO_INSTRUCTION: 19 + 17 + 1,
      MSR_READ: 41,
      MSR_WRITE: 43,
      VMCALL: 11,
      EPT_MISCONFIG: 13 - 1,
    },
    lasts: { IO_INSTRUCTION: 1 },
  },
  arm64: {
    command: [join(PROJECT, "build", "lab", "guest-arm64"), ..."--hvc 23 --sysreg 41 --mmio 13".split(" ")],
    promised: { "TRAP HVC64": 23, "TRAP SYS64": 41, "TRAP DABT_LOW": 13 + 1, "TRAP IABT_LOW": 1 },
    lasts: { "TRAP DABT_LOW": 1 },
  },
};
