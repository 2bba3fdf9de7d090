// SPDX-License-Identifier: MIT
// The machine that the tests run on: the instruction set of its exits, how its kernel lets programs attach, and the guest.
import { existsSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { preflight } from "../../src/host/preflight";
import type { Isa } from "../../src/reasons";
import { PROJECT } from "../tools";
import { PROMISED, PROMISED_OF_VMX, WORKLOAD } from "./counts";

/** The instruction sets of the lab's machines. */
export type LabIsa = Extract<Isa, "svm" | "vmx" | "arm64">;

function labIsa(): LabIsa {
  const isa = preflight();
  if (isa === "svm" || isa === "vmx" || isa === "arm64") return isa;
  throw new Error(`the lab has no guest for ${isa}`);
}

export const ISA = labIsa();

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
const X86 = [join(PROJECT, "build", "lab", "guest"), ...WORKLOAD, "--fail-entry", "7"];

interface Workload {
  /** The guest's program and its arguments. */
  readonly command: readonly string[];
  /** How often each reason happens that the guest alone makes happen, by our name of it. */
  readonly promised: Readonly<Record<string, number>>;
  /** How many of these exits are the last of their vCPU, which no entry follows. */
  readonly lasts: Readonly<Record<string, number>>;
}

/** On SVM with 6 vCPUs in 2 VMs. */
export const WORKLOADS: Readonly<Record<LabIsa, Workload>> = {
  svm: {
    command: [...X86, "--vcpus", "3", "--vms", "2"],
    promised: {
      ERR: 7,
      ...Object.fromEntries(Object.entries(PROMISED).map(([name, count]) => [name, 6 * count])),
    },
    lasts: { IOIO: 6 },
  },
  vmx: {
    command: X86,
    promised: { "INVALID_STATE FAILED_VMENTRY": 7, ...PROMISED_OF_VMX, EPT_MISCONFIG: 13 - 1 },
    lasts: { IO_INSTRUCTION: 1 },
  },
  arm64: {
    command: [join(PROJECT, "build", "lab", "guest-arm64"), ..."--hvc 23 --sysreg 41 --mmio 13".split(" ")],
    promised: { "TRAP HVC64": 23, "TRAP SYS64": 41, "TRAP DABT_LOW": 13 + 1, "TRAP IABT_LOW": 1 },
    lasts: { "TRAP DABT_LOW": 1 },
  },
};
