// SPDX-License-Identifier: MIT
// riscv64: calls of the SBI, and virtual instructions: accesses to CSRs, and waits.
import { DETAIL } from "../contract";
import type { SystemRegisterAccess, Wait } from "./arm64";
import { bits, hex } from "./bits";
import { indexed, nameOf, namesOf } from "./names";

/** A call of the supervisor binary interface. */
export interface SbiCall {
  readonly kind: "sbi";
  readonly extension: number;
  readonly function: number;
}

// arch/riscv/include/asm/sbi.h, and RISC-V's SBI specification.
const EXTENSIONS = namesOf(`
0x0 legacy set_timer
0x1 legacy console_putchar
0x2 legacy console_getchar
0x3 legacy clear_ipi
0x4 legacy send_ipi
0x5 legacy remote_fence_i
0x6 legacy remote_sfence_vma
0x7 legacy remote_sfence_vma_asid
0x8 legacy shutdown
0x10 BASE
0x535441 STA
0x735049 IPI
0x48534d HSM
0x504d55 PMU
0x4442434e DBCN
0x43505043 CPPC
0x4e41434c NACL
0x52464e43 RFENCE
0x53525354 SRST
0x53535345 SSE
0x53555350 SUSP
0x46574654 FWFT
0x54494d45 TIME
`);

const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  BASE: ["spec_version", "impl_id", "impl_version", "probe_extension", "mvendorid", "marchid", "mimpid"],
  TIME: ["set_timer"],
  IPI: ["send_ipi"],
  RFENCE: [
    "fence_i",
    "sfence_vma",
    "sfence_vma_asid",
    "hfence_gvma_vmid",
    "hfence_gvma",
    "hfence_vvma_asid",
    "hfence_vvma",
  ],
  HSM: ["hart_start", "hart_stop", "hart_status", "hart_suspend"],
  SRST: ["system_reset"],
  PMU: [
    "num_counters",
    "counter_info",
    "counter_config_matching",
    "counter_start",
    "counter_stop",
    "counter_fw_read",
    "counter_fw_read_hi",
    "snapshot_set_shmem",
  ],
  DBCN: ["write", "read", "write_byte"],
  SUSP: ["system_suspend"],
  STA: ["steal_time_set_shmem"],
};

/** @param raw bpf/contract/detail.h: the function, and its extension from bit 24 on */
export function sbiCallOf(raw: bigint): SbiCall {
  return { kind: "sbi", extension: bits(raw, DETAIL.sbiShift, 32), function: bits(raw, 0, DETAIL.sbiShift) };
}

/** `SBI TIME set_timer`; without names `SBI 0x8000000 function 7`. */
export function sbiCallText({ extension, function: called }: SbiCall): string {
  const name = nameOf(EXTENSIONS, extension);
  if (name?.startsWith("legacy") === true) return `SBI ${name}`;
  return `SBI ${name ?? hex(extension)} ${FUNCTIONS[name ?? ""]?.[called] ?? `function ${called}`}`;
}

// arch/riscv/include/asm/csr.h: those that KVM answers, or takes for an illegal instruction.
const REGISTERS = namesOf(
  `
0x001 fflags
0x002 frm
0x003 fcsr
0x015 seed
0x100 sstatus
0x104 sie
0x105 stvec
0x106 scounteren
0x10a senvcfg
0x10c sstateen0
0x10d sstateen1
0x10e sstateen2
0x10f sstateen3
0x140 sscratch
0x141 sepc
0x142 scause
0x143 stval
0x144 sip
0x14d stimecmp
0x150 siselect
0x151 sireg
0x15c stopei
0x15d stimecmph
0x180 satp
0xc00 cycle
0xc01 time
0xc02 instret
0xda0 scountovf
0xdb0 stopi
`,
  [indexed(0xc00, 32, "hpmcounter")],
);

// The immediate of an instruction that has no CSR, by RISC-V's privileged manual.
const WAITS: ReadonlyMap<number, Wait["for"]> = new Map([
  [0x105, "interrupt"],
  [0x00d, "reservation"],
  [0x01d, "reservation"],
]);

/** @param raw bits of the instruction: see bpf/contract/detail.h */
export function virtualInstructionOf(raw: bigint): SystemRegisterAccess | Wait {
  const immediate = bits(raw, 20, 12);
  const operation = bits(raw, 12, 3);
  const wait = operation === 0 ? WAITS.get(immediate) : undefined;
  if (wait !== undefined) return { kind: "wait", for: wait };
  // CSRRW and CSRRWI write, the others do if they have a source.
  const write = operation % 4 === 1 || bits(raw, 15, 1) === 1;
  return { kind: "sysreg", write, register: nameOf(REGISTERS, immediate) ?? `csr_${hex(immediate)}` };
}
