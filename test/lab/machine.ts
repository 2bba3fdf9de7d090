// SPDX-License-Identifier: MIT
// The machine that the tests run on: the instruction set of its exits, how its kernel lets programs attach, and the guest.
import { existsSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { preflight } from "../../src/host/preflight";
import type { Isa } from "../../src/reasons";
import { PROJECT } from "../tools";
import { PROMISED, PROMISED_OF_VMX, WORKLOAD as WORKLOAD_OF_X86 } from "./counts";

export const ISA: Isa = preflight();

/**
 * The ways to attach that work here, the one first that tools choose: directly only where KVM's modules have BTF, which x86's
 * programs need; to raw tracepoints on 5.10, whose modules have none.
 */
export const MODES: readonly ("direct" | "raw" | "record")[] =
  ISA === "vmx" || ISA === "svm"
    ? [existsSync("/sys/kernel/btf/kvm") ? "direct" : "raw", "record"]
    : ["record"];

/** Those of them that tell what exits were about, and which returned to the VMM. */
export const TELLING = MODES.filter((mode) => mode !== "raw");

/** Whether the running kernel is this one or a later one. */
export function kernelIsAtLeast(major: number, minor: number): boolean {
  const [runningMajor = 0, runningMinor = 0] = release().split(".").map(Number);
  return runningMajor > major || (runningMajor === major && runningMinor >= minor);
}

/** Prime numbers of each kind of exit, and of entries that fail. */
const X86 = [join(PROJECT, "build", "lab", "guest"), ...WORKLOAD_OF_X86, "--fail-entry", "7"];

interface Workload {
  /** The guest's program and its arguments. */
  readonly command: readonly string[];
  /** How often each reason happens that the guest alone makes happen, by our name of it. */
  readonly promised: Readonly<Record<string, number>>;
  /** How many of these exits are the last of their vCPU, which no entry follows. */
  readonly lasts: Readonly<Record<string, number>>;
}

/** What a guest does on an architecture with one instruction set: one vCPU, whose last exit is to the VMM. */
export interface OnlyWorkload extends Workload {
  /** An option for exits that KVM handles, and one for exits to the VMM, which alone return there. */
  readonly handled: string;
  readonly toVmm: string;
  /** The reason of the first one. */
  readonly handledReason: string;
  /** How often KVM_RUN returns for each reason of the command; by reason, which details the returns have. */
  readonly returns: Readonly<Record<string, number>>;
  readonly returnDetails: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** How often each detail happens, but those of interrupts and memory that the guest doesn't decide. */
  readonly details: Readonly<Record<string, number>>;
}

const guest = (program: string, options: string) => [
  join(PROJECT, "build", "lab", program),
  ...options.split(" "),
];

/** Of the architectures with one instruction set that the lab has. */
export const ONLY: Readonly<Partial<Record<Isa, OnlyWorkload>>> = {
  arm64: {
    command: guest("guest-arm64", "--hvc 23 --sysreg 41 --mmio 13"),
    promised: { "TRAP HVC64": 23, "TRAP SYS64": 41, "TRAP DABT_LOW": 13 + 1, "TRAP IABT_LOW": 1 },
    lasts: { "TRAP DABT_LOW": 1 },
    handled: "--hvc",
    toVmm: "--mmio",
    handledReason: "TRAP HVC64",
    returns: { MMIO: 13 + 1 },
    returnDetails: { MMIO: { "write 0x50000000": 13, "write 0x50000008": 1 } },
    details: { "read ACTLR_EL1": 41, "write 0x50000000": 13, "write 0x50000008": 1 },
  },
  riscv64: {
    command: guest("guest-riscv64", "--ecall 23 --csr 41 --wfi 43 --load 37 --store 19 --sbi 11"),
    promised: {
      EXC_SUPERVISOR_SYSCALL: 23 + 11,
      EXC_VIRTUAL_INST_FAULT: 41 + 43,
      EXC_LOAD_GUEST_PAGE_FAULT: 37,
      EXC_STORE_GUEST_PAGE_FAULT: 19 + 1,
      EXC_INST_GUEST_PAGE_FAULT: 1,
    },
    lasts: { EXC_STORE_GUEST_PAGE_FAULT: 1 },
    handled: "--ecall",
    toVmm: "--store",
    handledReason: "EXC_SUPERVISOR_SYSCALL",
    returns: { MMIO: 37 + 19 + 1, RISCV_SBI: 11 },
    returnDetails: {
      MMIO: { "read 0x50000000": 37, "write 0x50000000": 19, "write 0x50000008": 1 },
      RISCV_SBI: { "SBI 0x8000000 function 7": 11 },
    },
    details: {
      "SBI BASE spec_version": 23,
      "SBI 0x8000000 function 7": 11,
      "read cycle": 41,
      WFI: 43,
      "read 0x50000000": 37,
      "write 0x50000000": 19,
      "write 0x50000008": 1,
    },
  },
  // Fetches from memory that the host takes back meanwhile fault again.
  ppc64: {
    command: guest("guest-ppc64", "--hcall 23 --user 11 --load 37 --store 19"),
    promised: { SYSCALL: 23 + 11 + 1, H_DATA_STORAGE: 37 + 19 },
    lasts: { SYSCALL: 1 },
    handled: "--hcall",
    toVmm: "--store",
    handledReason: "SYSCALL",
    returns: { MMIO: 37 + 19, PAPR_HCALL: 11 + 1 },
    returnDetails: {
      MMIO: { "read 0x50000000": 37, "write 0x50000000": 19 },
      PAPR_HCALL: { "H_RTAS (0xf000)": 11, "hypercall 0xf0f0 (PAPR)": 1 },
    },
    details: {
      "H_PROD (0xe8)": 23,
      "H_RTAS (0xf000)": 11,
      "hypercall 0xf0f0 (PAPR)": 1,
      "read 0x50000000": 37,
      "write 0x50000000": 19,
    },
  },
};

function onlyWorkload(isa: Exclude<Isa, "svm" | "vmx">): OnlyWorkload {
  const workload = ONLY[isa];
  if (!workload) throw new Error(`the lab has no guest for ${isa}`);
  return workload;
}

function workloadOf(isa: Isa): Workload {
  switch (isa) {
    case "svm":
      // 6 vCPUs in 2 VMs.
      return {
        command: [...X86, "--vcpus", "3", "--vms", "2"],
        promised: {
          ERR: 7,
          ...Object.fromEntries(Object.entries(PROMISED).map(([name, count]) => [name, 6 * count])),
        },
        lasts: { IOIO: 6 },
      };
    case "vmx":
      return {
        command: X86,
        promised: { "INVALID_STATE FAILED_VMENTRY": 7, ...PROMISED_OF_VMX, EPT_MISCONFIG: 13 - 1 },
        lasts: { IO_INSTRUCTION: 1 },
      };
    default:
      return onlyWorkload(isa);
  }
}

/** What the guest of this machine does. */
export const WORKLOAD = workloadOf(ISA);
