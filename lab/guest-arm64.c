/* SPDX-License-Identifier: MIT */
/*
 * An arm64 KVM guest that exits an exact number of times for each reason asked for: the ground truth of the lab.
 *
 * usage: guest-arm64 [--hvc N] [--sysreg N] [--mmio N] [--time] [--hold SEC]
 *
 * Exits HVC64 (0x16) N times, SYS64 (0x18; reads ACTLR_EL1) N times, DABT_LOW (0x24; stores to no memory) N times, and
 * that once more to end; in addition, one IABT_LOW for the first fetch, and host interrupts. Each --mmio returns to this
 * program (a userspace exit), the others stay in the kernel. --time prints the nanoseconds per loop turn. --hold keeps
 * the VM for SEC seconds when the guest has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMORY 0x10000
#define RAM 0x40000000ull
#define DEVICE 0x50000000ull
#define CORE(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (offsetof(struct kvm_regs, field) / 4))

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
	0xf90006bf, /* 5: str  xzr, [x21, 8] */
	0x14000000, /*    b    .             */
};

static void fail(const char *what)
{
	fprintf(stderr, "guest-arm64: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void set(int vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { id, (uintptr_t)&value };

	if (ioctl(vcpu, KVM_SET_ONE_REG, &reg))
		fail("KVM_SET_ONE_REG");
}

static uint64_t parse(const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end) {
		fprintf(stderr, "guest-arm64: not a number: '%s'\n", text);
		exit(2);
	}
	return (uint64_t)value;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "--hvc", "--sysreg", "--mmio", "--hold" };
	struct kvm_userspace_memory_region region = { .guest_phys_addr = RAM, .memory_size = MEMORY };
	struct kvm_vcpu_init init;
	struct kvm_run *run;
	uint64_t turns[4] = { 0 };
	int kvm, vm, vcpu, timing = 0;
	struct timespec start, end;
	void *memory;

	for (int i = 1; i < argc; i += 2) {
		int k;

		if (!strcmp(argv[i], "--time")) {
			timing = 1;
			i--;
			continue;
		}
		for (k = 0; k < 4 && strcmp(argv[i], names[k]); k++)
			;
		if (k == 4 || i + 1 == argc) {
			fprintf(stderr, "guest-arm64: unknown option or no number after it: '%s'\n", argv[i]);
			return 2;
		}
		turns[k] = parse(argv[i + 1]);
	}
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		fail("/dev/kvm");
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	memcpy(memory, code, sizeof(code));
	region.userspace_addr = (uintptr_t)memory;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		fail("KVM_CREATE_VM");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) || ioctl(vcpu, KVM_ARM_VCPU_INIT, &init))
		fail("KVM_CREATE_VCPU");
	set(vcpu, CORE(regs.pc), RAM);
	set(vcpu, CORE(regs.regs[20]), turns[0]);
	set(vcpu, CORE(regs.regs[22]), turns[1]);
	set(vcpu, CORE(regs.regs[23]), turns[2]);
	set(vcpu, CORE(regs.regs[21]), DEVICE);
	run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		fail("mmap");
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (ioctl(vcpu, KVM_RUN, 0)) {
			if (errno != EINTR)
				fail("KVM_RUN");
			run->exit_reason = KVM_EXIT_INTR;
		} else if (run->exit_reason != KVM_EXIT_MMIO) {
			fprintf(stderr, "guest-arm64: exit reason %u\n", run->exit_reason);
			return 1;
		}
	} while (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != DEVICE + 8);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (timing)
		printf("%.1f ns per turn\n", ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
					      (double)(turns[0] + turns[1] + turns[2] + 1));
	fflush(stdout);
	sleep((unsigned int)turns[3]);
	return 0;
}
