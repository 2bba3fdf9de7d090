// SPDX-License-Identifier: MIT
// ppc64's traps of guests of KVM HV: arch/powerpc/include/asm/kvm_asm.h and arch/powerpc/kvm/trace_book3s.h of Linux 6.18.
import { plainTable } from "./table";

export const PPC64_REASONS: ReadonlyMap<number, string> = new Map([
  [0x100, "SYSTEM_RESET"],
  [0x200, "MACHINE_CHECK"],
  [0x300, "DATA_STORAGE"],
  [0x380, "DATA_SEGMENT"],
  [0x400, "INST_STORAGE"],
  [0x480, "INST_SEGMENT"],
  [0x500, "EXTERNAL"],
  [0x502, "EXTERNAL_HV"],
  [0x600, "ALIGNMENT"],
  [0x700, "PROGRAM"],
  [0x800, "FP_UNAVAIL"],
  [0x900, "DECREMENTER"],
  [0x980, "HV_DECREMENTER"],
  [0xc00, "SYSCALL"],
  [0xd00, "TRACE"],
  [0xe00, "H_DATA_STORAGE"],
  [0xe20, "H_INST_STORAGE"],
  [0xe40, "H_EMUL_ASSIST"],
  [0xf00, "PERFMON"],
  [0xf20, "ALTIVEC"],
  [0xf40, "VSX"],
]);

/** EXTERNAL, EXTERNAL_HV and HV_DECREMENTER; H_DATA_STORAGE and H_INST_STORAGE. */
export const PPC64 = plainTable(PPC64_REASONS, {
  roles: { pause: [], interrupt: [0x500, 0x502, 0x980], fault: [0xe00, 0xe20] },
});
