/* SPDX-License-Identifier: MIT */
/*
 * An arm64 KVM guest that exits an exact number of times for each reason asked for: the ground truth of the lab.
 *
 * usage: guest-arm64 [--hvc N] [--sysreg N] [--mmio N] [--wfi N] [--nop N] [--pause-ms N] [--nap-ms N] [--time] [--hold SEC]
 *
 * Exits HVC64 (0x16) N times, SYS64 (0x18; reads ACTLR_EL1) N times, DABT_LOW (0x24; stores to no memory) N times, and
 * that once more to end; in addition, one IABT_LOW for the first fetch, and host interrupts. Each --mmio returns to this
 * program (a userspace exit), the others stay in the kernel. --time prints the nanoseconds per loop turn. --hold keeps
 * the VM for SEC seconds when the guest has ended.
 *
 * --wfi N       waits N times for an interrupt (WFx, 0x01)
 * --nop N       N turns of three instructions, without exits
 * --pause-ms N  this program sleeps N ms in each userspace exit of --mmio
 * --nap-ms N    the thread gets a signal every N ms, which ends a wait for an interrupt
 */
#include "guest-foreign.h"

#define RAM 0x40000000ull
#define DEVICE 0x50000000ull
#define CORE(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (offsetof(struct kvm_regs, field) / 4))

enum { HVC, SYSREG, MMIO, WFI, NOP, KINDS };

static const uint32_t code[] = {
	0xb4000094, /*    cbz  x20, 1f       */
	0xd4000002, /* 0: hvc  #0            */
	0xf1000694, /*    subs x20, x20, 1   */
	0x54ffffc1, /*    b.ne 0b            */
	0xb4000096, /* 1: cbz  x22, 3f       */
	0xd5381020, /* 2: mrs  x0, actlr_el1 */
	0xf10006d6, /*    subs x22, x22, 1   */
	0x54ffffc1, /*    b.ne 2b            */
	0xb4000097, /* 3: cbz  x23, 5f       */
	0xf90002bf, /* 4: str  xzr, [x21]    */
	0xf10006f7, /*    subs x23, x23, 1   */
	0x54ffffc1, /*    b.ne 4b            */
	0xb4000098, /* 5: cbz  x24, 7f       */
	0xd503207f, /* 6: wfi                */
	0xf1000718, /*    subs x24, x24, 1   */
	0x54ffffc1, /*    b.ne 6b            */
	0xb4000099, /* 7: cbz  x25, 9f       */
	0xd503201f, /* 8: nop                */
	0xf1000739, /*    subs x25, x25, 1   */
	0x54ffffc1, /*    b.ne 8b            */
	0xf90006bf, /* 9: str  xzr, [x21, 8] */
	0x14000000, /*    b    .             */
};

static void prepare(int vm, int vcpu, const uint64_t *turns)
{
	struct kvm_vcpu_init init;

	if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) || ioctl(vcpu, KVM_ARM_VCPU_INIT, &init))
		fail("KVM_ARM_VCPU_INIT");
	set_register(vcpu, CORE(regs.pc), RAM);
	set_register(vcpu, CORE(regs.regs[20]), turns[HVC]);
	set_register(vcpu, CORE(regs.regs[21]), DEVICE);
	for (int k = SYSREG; k < KINDS; k++)
		set_register(vcpu, CORE(regs.regs[21 + k]), turns[k]);
}

static int exited(struct kvm_run *run, uint64_t pause_ms)
{
	return exited_by_mmio(run, DEVICE, pause_ms);
}

int main(int argc, char **argv)
{
	static const struct guest guest = {
		.name = "guest-arm64",
		.kinds = { "--hvc", "--sysreg", "--mmio", "--wfi", "--nop" },
		.ram = RAM,
		.code = code,
		.code_size = sizeof(code),
		.prepare = prepare,
		.exited = exited,
	};

	return guest_main(&guest, argc, argv);
}
