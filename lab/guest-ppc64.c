/* SPDX-License-Identifier: MIT */
/*
 * A ppc64le guest of KVM HV that exits an exact number of times for each reason asked for: the ground truth of the lab.
 *
 * usage: guest-ppc64 [--hcall N] [--user N] [--load N] [--store N] [--nop N] [--pause-ms N] [--nap-ms N] [--time] [--hold SEC]
 *
 * --hcall N     SYSCALL (0xc00) N times: H_PROD, which KVM answers
 * --user N      the same: H_RTAS, which this program answers (PAPR_HCALL)
 * --load N      H_DATA_STORAGE (0xe00) N times: loads from no memory, which this program answers (MMIO)
 * --store N     the same with stores
 * --nop N       N turns of three instructions, without exits
 * --pause-ms N  this program sleeps N ms in each userspace exit of --user
 * --nap-ms N    the thread gets a signal every N ms
 *
 * In addition, one H_INST_STORAGE for the first fetch, one SYSCALL to this program to end, and host interrupts. --time
 * prints the nanoseconds per loop turn. --hold keeps the VM for SEC seconds when the guest has ended.
 */
#include "guest-foreign.h"

/* The first instructions of a guest are at 0: interrupt vectors. */
#define CODE 0x1000
#define DEVICE 0x50000000ull
#define RTAS 0xf000
/* A hypercall that KVM doesn't know. */
#define END 0xf0f0
/* 64 bits, machine checks, little-endian. */
#define MSR 0x8000000000001001ull

enum { HCALL, USER, LOAD, STORE, NOP, KINDS };

extern const char code[], code_end[];

/* One loop for each kind: r14 on have the turns, r20 the device. */
#define TURNS(counter, instructions) \
	"	cmpdi " counter ", 0\n" \
	"	beq 2f\n" \
	"1:	" instructions "\n" \
	"	addi " counter ", " counter ", -1\n" \
	"	cmpdi " counter ", 0\n" \
	"	bne 1b\n" \
	"2:\n"

asm(".pushsection .rodata\n"
    ".balign 4\n"
    "code:\n"
    /* H_PROD of vCPU 0. */
    TURNS("14", "li 3, 0xe8; li 4, 0; sc 1")
    TURNS("15", "lis 3, 0; ori 3, 3, 0xf000; sc 1")
    TURNS("16", "ld 3, 0(20)")
    TURNS("17", "std 3, 0(20)")
    TURNS("18", "nop")
    "3:	lis 3, 0\n"
    "	ori 3, 3, 0xf0f0\n"
    "	sc 1\n"
    "	b 3b\n"
    "code_end:\n"
    ".popsection\n");

static void prepare(int vm, int vcpu, const uint64_t *turns)
{
	struct kvm_enable_cap papr = { .cap = KVM_CAP_PPC_PAPR };
	struct kvm_regs regs;

	(void)vm;
	if (ioctl(vcpu, KVM_ENABLE_CAP, &papr))
		fail("KVM_CAP_PPC_PAPR");
	if (ioctl(vcpu, KVM_GET_REGS, &regs))
		fail("KVM_GET_REGS");
	regs.pc = CODE;
	regs.msr = MSR;
	for (int k = 0; k < KINDS; k++)
		regs.gpr[14 + k] = turns[k];
	regs.gpr[20] = DEVICE;
	if (ioctl(vcpu, KVM_SET_REGS, &regs))
		fail("KVM_SET_REGS");
}

static int exited(struct kvm_run *run, uint64_t pause_ms)
{
	if (run->exit_reason == KVM_EXIT_MMIO)
		return 0;
	if (run->exit_reason != KVM_EXIT_PAPR_HCALL)
		return -1;
	run->papr_hcall.ret = 0;
	if (run->papr_hcall.nr == RTAS)
		sleep_ms(pause_ms);
	return run->papr_hcall.nr == END;
}

int main(int argc, char **argv)
{
	const struct guest guest = {
		.name = "guest-ppc64",
		.kinds = { "--hcall", "--user", "--load", "--store", "--nop" },
		.offset = CODE,
		.code = code,
		.code_size = (size_t)(code_end - code),
		.prepare = prepare,
		.exited = exited,
	};

	return guest_main(&guest, argc, argv);
}
