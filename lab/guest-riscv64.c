/* SPDX-License-Identifier: MIT */
/*
 * A riscv64 KVM guest that exits an exact number of times for each reason asked for: the ground truth of the lab.
 *
 * usage: guest-riscv64 [--ecall N] [--csr N] [--wfi N] [--load N] [--store N] [--sbi N] [--wait N] [--nop N]
 *                      [--pause-ms N] [--nap-ms N] [--time] [--hold SEC]
 *
 * --ecall N     SUPERVISOR_SYSCALL (10) N times: a call of the SBI's base extension, which KVM answers
 * --csr N       VIRTUAL_INST_FAULT (22) N times: reads the CSR cycle, which KVM answers
 * --wfi N       the same: WFI while an interrupt is pending, which goes on at once
 * --load N      LOAD_GUEST_PAGE_FAULT (21) N times: loads from no memory, which this program answers (MMIO)
 * --store N     STORE_GUEST_PAGE_FAULT (23) N times: stores to no memory, in the same way; and once more to end
 * --sbi N       SUPERVISOR_SYSCALL N times: calls of an experimental extension, which this program answers (RISCV_SBI)
 * --wait N      WFI N times with nothing pending
 * --nop N       N turns of three instructions, without exits
 * --pause-ms N  this program sleeps N ms in each userspace exit of --store
 * --nap-ms N    the thread gets a signal every N ms, which ends a wait for an interrupt
 *
 * In addition, one INST_GUEST_PAGE_FAULT (20) for the first fetch, and host interrupts (with the top bit). --time prints
 * the nanoseconds per loop turn. --hold keeps the VM for SEC seconds when the guest has ended.
 */
#include "guest-foreign.h"

#define RAM 0x80000000ull
#define DEVICE 0x50000000ull
#define CORE(field) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(field))

enum { ECALL, CSR, WFI, LOAD, STORE, SBI, WAIT, NOP, KINDS };

extern const char code[], code_end[];

/* One loop for each kind: s2 to s9 have the turns, s10 the device. */
#define TURNS(counter, instructions) \
	"	beqz " counter ", 2f\n" \
	"1:	" instructions "\n" \
	"	addi " counter ", " counter ", -1\n" \
	"	bnez " counter ", 1b\n" \
	"2:\n"

asm(".pushsection .rodata\n"
    ".option push\n"
    ".option norelax\n"
    ".balign 4\n"
    "code:\n"
    /* A software interrupt is pending, but masked by sstatus.SIE: WFI goes on at once. */
    "	csrsi sie, 2\n"
    "	csrsi sip, 2\n"
    /* The base extension's get_spec_version. */
    TURNS("s2", "li a7, 0x10; li a6, 0; ecall")
    TURNS("s3", "csrr a0, cycle")
    TURNS("s4", "wfi")
    TURNS("s5", "ld a0, 0(s10)")
    TURNS("s6", "sd zero, 0(s10)")
    /* The first experimental extension. */
    TURNS("s7", "li a7, 0x08000000; li a6, 7; ecall")
    "	csrci sip, 2\n"
    TURNS("s8", "wfi")
    TURNS("s9", "nop")
    "	sd zero, 8(s10)\n"
    "9:	j 9b\n"
    "code_end:\n"
    ".option pop\n"
    ".popsection\n");

static void prepare(int vm, int vcpu, const uint64_t *turns)
{
	static const uint64_t counters[KINDS] = {
		CORE(regs.s2), CORE(regs.s3), CORE(regs.s4), CORE(regs.s5),
		CORE(regs.s6), CORE(regs.s7), CORE(regs.s8), CORE(regs.s9),
	};

	(void)vm;
	set_register(vcpu, CORE(regs.pc), RAM);
	set_register(vcpu, CORE(regs.s10), DEVICE);
	for (int k = 0; k < KINDS; k++)
		set_register(vcpu, counters[k], turns[k]);
}

static int exited(struct kvm_run *run, uint64_t pause_ms)
{
	if (run->exit_reason == KVM_EXIT_RISCV_SBI) {
		run->riscv_sbi.ret[0] = run->riscv_sbi.ret[1] = 0;
		return 0;
	}
	if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
		return 0;
	return exited_by_mmio(run, DEVICE, pause_ms);
}

int main(int argc, char **argv)
{
	const struct guest guest = {
		.name = "guest-riscv64",
		.kinds = { "--ecall", "--csr", "--wfi", "--load", "--store", "--sbi", "--wait", "--nop" },
		.ram = RAM,
		.code = code,
		.code_size = (size_t)(code_end - code),
		.prepare = prepare,
		.exited = exited,
	};

	return guest_main(&guest, argc, argv);
}
