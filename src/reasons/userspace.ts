// SPDX-License-Identifier: MIT
// Why KVM_RUN returned to user space, KVM_EXIT_*: include/uapi/linux/kvm.h of Linux 7.0.

import type { Isa } from "./index";

/** Names by number. 15 has left the header with the PowerPC 440. */
export const USERSPACE_REASONS: ReadonlyMap<number, string> = new Map([
  [0, "UNKNOWN"],
  [1, "EXCEPTION"],
  [2, "IO"],
  [3, "HYPERCALL"],
  [4, "DEBUG"],
  [5, "HLT"],
  [6, "MMIO"],
  [7, "IRQ_WINDOW_OPEN"],
  [8, "SHUTDOWN"],
  [9, "FAIL_ENTRY"],
  [10, "INTR"],
  [11, "SET_TPR"],
  [12, "TPR_ACCESS"],
  [13, "S390_SIEIC"],
  [14, "S390_RESET"],
  [15, "DCR"],
  [16, "NMI"],
  [17, "INTERNAL_ERROR"],
  [18, "OSI"],
  [19, "PAPR_HCALL"],
  [20, "S390_UCONTROL"],
  [21, "WATCHDOG"],
  [22, "S390_TSCH"],
  [23, "EPR"],
  [24, "SYSTEM_EVENT"],
  [25, "S390_STSI"],
  [26, "IOAPIC_EOI"],
  [27, "HYPERV"],
  [28, "ARM_NISV"],
  [29, "X86_RDMSR"],
  [30, "X86_WRMSR"],
  [31, "DIRTY_RING_FULL"],
  [32, "AP_RESET_HOLD"],
  [33, "X86_BUS_LOCK"],
  [34, "XEN"],
  [35, "RISCV_SBI"],
  [36, "RISCV_CSR"],
  [37, "NOTIFY"],
  [38, "LOONGARCH_IOCSR"],
  [39, "MEMORY_FAULT"],
  [40, "TDX"],
  [41, "ARM_SEA"],
  [42, "ARM_LDST64B"],
  [43, "SNP_REQ_CERTS"],
]);

const X86: readonly Isa[] = ["vmx", "svm"];

/** By number: the instruction sets whose hosts return so, of those that we know, where not all do. */
const RETURNING: ReadonlyMap<number, readonly Isa[]> = new Map([
  // IO, HLT, IRQ_WINDOW_OPEN, SET_TPR, TPR_ACCESS, NMI, IOAPIC_EOI, HYPERV, X86_RDMSR, X86_WRMSR, X86_BUS_LOCK, XEN
  ...[2, 5, 7, 11, 12, 16, 26, 27, 29, 30, 33, 34].map((number) => [number, X86] as const),
  // AP_RESET_HOLD and SNP_REQ_CERTS: arch/x86/kvm/svm/sev.c
  ...[32, 43].map((number) => [number, ["svm"]] as const),
  // NOTIFY and TDX: arch/x86/kvm/vmx
  ...[37, 40].map((number) => [number, ["vmx"]] as const),
  // ARM_NISV, ARM_SEA, ARM_LDST64B
  ...[28, 41, 42].map((number) => [number, ["arm64"]] as const),
  // S390_…
  ...[13, 14, 20, 22, 25].map((number) => [number, ["s390x"]] as const),
  // PAPR_HCALL
  [19, ["ppc64"]],
  // RISCV_…
  ...[35, 36].map((number) => [number, ["riscv64"]] as const),
  // LOONGARCH_IOCSR
  [38, ["loong64"]],
  // Of other PowerPCs: DCR, OSI, WATCHDOG, EPR
  ...[15, 18, 21, 23].map((number) => [number, []] as const),
]);

/** Whether a host with this instruction set can return to user space for this reason; true for numbers without a name. */
export function canReturn(isa: Isa, number: number): boolean {
  return RETURNING.get(number)?.includes(isa) ?? true;
}
