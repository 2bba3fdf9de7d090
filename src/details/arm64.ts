// SPDX-License-Identifier: MIT
// arm64: system registers, and what a vCPU waits for.
import { bits } from "./bits";

/** An access to a system register, or an operation that is encoded as one. */
export interface SystemRegisterAccess {
  readonly kind: "sysreg";
  readonly write: boolean;
  /** `S3_3_C14_C0_2`: op0, op1, CRn, CRm, op2; of riscv64 a CSR's name, or `csr_0x5a8`. */
  readonly register: string;
}

/** WFI; WFE; of riscv64 WRS. */
export interface Wait {
  readonly kind: "wait";
  readonly for: "interrupt" | "event" | "reservation";
}

// arch/arm64/include/asm/sysreg.h and arch/arm64/tools/sysreg: op0, op1, CRn, CRm, op2.
const NAMES: ReadonlyMap<string, string> = new Map(
  `
2 0 0 0 2 OSDTRRX_EL1
2 0 0 2 2 MDSCR_EL1
2 0 1 0 4 OSLAR_EL1
2 0 1 1 4 OSLSR_EL1
2 0 1 3 4 OSDLR_EL1
2 3 0 1 0 MDCCSR_EL0
2 3 0 5 0 DBGDTRRX_EL0
3 0 0 0 0 MIDR_EL1
3 0 0 0 5 MPIDR_EL1
3 0 0 0 6 REVIDR_EL1
3 0 0 1 0 ID_PFR0_EL1
3 0 0 1 1 ID_PFR1_EL1
3 0 0 1 2 ID_DFR0_EL1
3 0 0 1 4 ID_MMFR0_EL1
3 0 0 2 0 ID_ISAR0_EL1
3 0 0 3 0 MVFR0_EL1
3 0 0 3 1 MVFR1_EL1
3 0 0 3 2 MVFR2_EL1
3 0 0 4 0 ID_AA64PFR0_EL1
3 0 0 4 1 ID_AA64PFR1_EL1
3 0 0 4 4 ID_AA64ZFR0_EL1
3 0 0 4 5 ID_AA64SMFR0_EL1
3 0 0 5 0 ID_AA64DFR0_EL1
3 0 0 5 1 ID_AA64DFR1_EL1
3 0 0 6 0 ID_AA64ISAR0_EL1
3 0 0 6 1 ID_AA64ISAR1_EL1
3 0 0 6 2 ID_AA64ISAR2_EL1
3 0 0 7 0 ID_AA64MMFR0_EL1
3 0 0 7 1 ID_AA64MMFR1_EL1
3 0 0 7 2 ID_AA64MMFR2_EL1
3 0 0 7 3 ID_AA64MMFR3_EL1
3 0 1 0 0 SCTLR_EL1
3 0 1 0 1 ACTLR_EL1
3 0 1 0 2 CPACR_EL1
3 0 2 0 0 TTBR0_EL1
3 0 2 0 1 TTBR1_EL1
3 0 2 0 2 TCR_EL1
3 0 4 6 0 ICC_PMR_EL1
3 0 5 1 0 AFSR0_EL1
3 0 5 1 1 AFSR1_EL1
3 0 5 2 0 ESR_EL1
3 0 6 0 0 FAR_EL1
3 0 9 14 1 PMINTENSET_EL1
3 0 9 14 2 PMINTENCLR_EL1
3 0 10 2 0 MAIR_EL1
3 0 10 3 0 AMAIR_EL1
3 0 12 0 0 VBAR_EL1
3 0 12 1 1 DISR_EL1
3 0 12 11 1 ICC_DIR_EL1
3 0 12 11 3 ICC_RPR_EL1
3 0 12 11 5 ICC_SGI1R_EL1
3 0 12 11 6 ICC_ASGI1R_EL1
3 0 12 11 7 ICC_SGI0R_EL1
3 0 12 12 0 ICC_IAR1_EL1
3 0 12 12 1 ICC_EOIR1_EL1
3 0 12 12 2 ICC_HPPIR1_EL1
3 0 12 12 3 ICC_BPR1_EL1
3 0 12 12 4 ICC_CTLR_EL1
3 0 12 12 5 ICC_SRE_EL1
3 0 12 12 6 ICC_IGRPEN0_EL1
3 0 12 12 7 ICC_IGRPEN1_EL1
3 0 13 0 1 CONTEXTIDR_EL1
3 0 14 1 0 CNTKCTL_EL1
3 1 0 0 0 CCSIDR_EL1
3 1 0 0 1 CLIDR_EL1
3 2 0 0 0 CSSELR_EL1
3 3 0 0 1 CTR_EL0
3 3 9 12 0 PMCR_EL0
3 3 9 12 1 PMCNTENSET_EL0
3 3 9 12 2 PMCNTENCLR_EL0
3 3 9 12 3 PMOVSCLR_EL0
3 3 9 12 4 PMSWINC_EL0
3 3 9 12 5 PMSELR_EL0
3 3 9 12 6 PMCEID0_EL0
3 3 9 12 7 PMCEID1_EL0
3 3 9 13 0 PMCCNTR_EL0
3 3 9 13 1 PMXEVTYPER_EL0
3 3 9 13 2 PMXEVCNTR_EL0
3 3 9 14 0 PMUSERENR_EL0
3 3 9 14 3 PMOVSSET_EL0
3 3 14 0 1 CNTPCT_EL0
3 3 14 0 2 CNTVCT_EL0
3 3 14 2 0 CNTP_TVAL_EL0
3 3 14 2 1 CNTP_CTL_EL0
3 3 14 2 2 CNTP_CVAL_EL0
3 3 14 3 0 CNTV_TVAL_EL0
3 3 14 3 1 CNTV_CTL_EL0
3 3 14 3 2 CNTV_CVAL_EL0
3 3 14 15 7 PMCCFILTR_EL0
1 0 7 6 2 DC ISW
1 0 7 10 2 DC CSW
1 0 7 14 2 DC CISW
`
    .trim()
    .split("\n")
    .map((line): [string, string] => {
      const [op0 = "", op1 = "", crn = "", crm = "", op2 = "", ...name] = line.split(" ");
      return [`S${op0}_${op1}_C${crn}_C${crm}_${op2}`, name.join(" ")];
    }),
);

/** @param raw ESR_EL2's syndrome of a trapped MSR, MRS or SYS: Arm's manual, D24.2.44 */
export function systemRegisterOf(raw: bigint): SystemRegisterAccess {
  const [op0, op2, op1] = [bits(raw, 20, 2), bits(raw, 17, 3), bits(raw, 14, 3)];
  const [crn, crm] = [bits(raw, 10, 4), bits(raw, 1, 4)];
  const register = `S${op0}_${op1}_C${crn}_C${crm}_${op2}`;
  return { kind: "sysreg", write: bits(raw, 0, 1) === 0, register };
}

/** `read CNTVCT_EL0`; without a name `write S3_0_C15_C2_0`. */
export function systemRegisterText({ write, register }: SystemRegisterAccess): string {
  return `${write ? "write" : "read"} ${NAMES.get(register) ?? register}`;
}

/** @param raw 1 for WFE */
export function waitOf(raw: bigint): Wait {
  return { kind: "wait", for: bits(raw, 0, 1) === 1 ? "event" : "interrupt" };
}

const WAITS: Readonly<Record<Wait["for"], string>> = { interrupt: "WFI", event: "WFE", reservation: "WRS" };

/** `WFI`, `WFE`, `WRS`. */
export function waitText({ for: what }: Wait): string {
  return WAITS[what];
}
