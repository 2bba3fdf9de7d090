// SPDX-License-Identifier: MIT
// riscv64's causes of exits, scause: arch/riscv/include/asm/csr.h of Linux 6.18.
import { plainTable } from "./table";

/** The highest bit of scause, which says that it is an interrupt: bit 31 of ours. */
const INTERRUPT = 0x80000000;

export const RISCV64_REASONS: ReadonlyMap<number, string> = new Map([
  [0, "EXC_INST_MISALIGNED"],
  [1, "EXC_INST_ACCESS"],
  [2, "EXC_INST_ILLEGAL"],
  [3, "EXC_BREAKPOINT"],
  [4, "EXC_LOAD_MISALIGNED"],
  [5, "EXC_LOAD_ACCESS"],
  [6, "EXC_STORE_MISALIGNED"],
  [7, "EXC_STORE_ACCESS"],
  [8, "EXC_SYSCALL"],
  [9, "EXC_HYPERVISOR_SYSCALL"],
  [10, "EXC_SUPERVISOR_SYSCALL"],
  [12, "EXC_INST_PAGE_FAULT"],
  [13, "EXC_LOAD_PAGE_FAULT"],
  [15, "EXC_STORE_PAGE_FAULT"],
  [20, "EXC_INST_GUEST_PAGE_FAULT"],
  [21, "EXC_LOAD_GUEST_PAGE_FAULT"],
  [22, "EXC_VIRTUAL_INST_FAULT"],
  [23, "EXC_STORE_GUEST_PAGE_FAULT"],
  [INTERRUPT + 1, "IRQ_S_SOFT"],
  [INTERRUPT + 2, "IRQ_VS_SOFT"],
  [INTERRUPT + 3, "IRQ_M_SOFT"],
  [INTERRUPT + 5, "IRQ_S_TIMER"],
  [INTERRUPT + 6, "IRQ_VS_TIMER"],
  [INTERRUPT + 7, "IRQ_M_TIMER"],
  [INTERRUPT + 9, "IRQ_S_EXT"],
  [INTERRUPT + 10, "IRQ_VS_EXT"],
  [INTERRUPT + 11, "IRQ_M_EXT"],
  [INTERRUPT + 12, "IRQ_S_GEXT"],
  [INTERRUPT + 13, "IRQ_PMU_OVF"],
]);

// WFI is one of the virtual instructions, VIRTUAL_INST_FAULT: its detail tells.
export const RISCV64 = plainTable(RISCV64_REASONS, {
  roles: {
    pause: [],
    interrupt: [...RISCV64_REASONS.keys()].filter((number) => number >= INTERRUPT),
    fault: [20, 21, 23],
  },
});
