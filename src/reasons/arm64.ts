// SPDX-License-Identifier: MIT
// arm64's exception classes, which tell why a TRAP happened: arch/arm64/include/asm/esr.h of Linux 6.18.

/** Names by exception class (ESR_EL2.EC). */
export const ARM64_CLASSES: ReadonlyMap<number, string> = new Map([
  [0x0, "UNKNOWN"],
  [0x1, "WFx"],
  [0x3, "CP15_32"],
  [0x4, "CP15_64"],
  [0x5, "CP14_MR"],
  [0x6, "CP14_LS"],
  [0x7, "FP_ASIMD"],
  [0x8, "CP10_ID"],
  [0x9, "PAC"],
  [0xc, "CP14_64"],
  [0xd, "BTI"],
  [0xe, "ILL"],
  [0x11, "SVC32"],
  [0x12, "HVC32"],
  [0x13, "SMC32"],
  [0x15, "SVC64"],
  [0x16, "HVC64"],
  [0x17, "SMC64"],
  [0x18, "SYS64"],
  [0x19, "SVE"],
  [0x1a, "ERET"],
  [0x1c, "FPAC"],
  [0x1d, "SME"],
  [0x1f, "IMP_DEF"],
  [0x20, "IABT_LOW"],
  [0x21, "IABT_CUR"],
  [0x22, "PC_ALIGN"],
  [0x24, "DABT_LOW"],
  [0x25, "DABT_CUR"],
  [0x26, "SP_ALIGN"],
  [0x27, "MOPS"],
  [0x28, "FP_EXC32"],
  [0x2c, "FP_EXC64"],
  [0x2d, "GCS"],
  [0x2f, "SERROR"],
  [0x30, "BREAKPT_LOW"],
  [0x31, "BREAKPT_CUR"],
  [0x32, "SOFTSTP_LOW"],
  [0x33, "SOFTSTP_CUR"],
  [0x34, "WATCHPT_LOW"],
  [0x35, "WATCHPT_CUR"],
  [0x38, "BKPT32"],
  [0x3a, "VECTOR32"],
  [0x3c, "BRK64"],
]);

/** Names by what the hypervisor's switch returned: arch/arm64/include/asm/kvm_asm.h. 24 bits of HYP_GONE are kept. */
export const ARM64_RETURNS: ReadonlyMap<number, string> = new Map([
  [0, "IRQ"],
  [1, "EL1_SERROR"],
  [2, "TRAP"],
  [3, "IL"],
  [0xadca11, "HYP_GONE"],
]);

/** What the switch returned if the guest trapped; the class then tells why. */
export const ARM64_TRAP = 2;

/** The class of WFI and WFE. */
export const ARM64_WFX = 0x01;

/** None; IRQ; TRAP IABT_LOW and DABT_LOW. */
export const ARM64_ROLES = { pause: [], interrupt: [0], fault: [0x220, 0x224] } as const;
