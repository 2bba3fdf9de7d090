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
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
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

enum { HVC, SYSREG, MMIO, WFI, NOP, KINDS, HOLD = KINDS, PAUSE_MS, NAP_MS, NUMBERS };
static const char *const names[NUMBERS] = { "--hvc", "--sysreg", "--mmio", "--wfi", "--nop", "--hold", "--pause-ms", "--nap-ms" };

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

static void sleep_ms(uint64_t ms)
{
	struct timespec left = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static void interrupt(int signal)
{
	(void)signal; /* to have interrupted KVM_RUN is all it is for */
}

/* Interrupts this thread's KVM_RUN every `ms`. */
static void start_naps(uint64_t ms)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct timespec nap = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	timer_t timer;

	if (sigaction(SIGUSR1, &action, NULL) || timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &(struct itimerspec){ nap, nap }, NULL))
		fail("a timer for --nap-ms");
}

int main(int argc, char **argv)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = RAM, .memory_size = MEMORY };
	struct kvm_vcpu_init init;
	struct kvm_run *run;
	uint64_t turns[NUMBERS] = { 0 }, all = 1;
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
		for (k = 0; k < NUMBERS && strcmp(argv[i], names[k]); k++)
			;
		if (k == NUMBERS || i + 1 == argc) {
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
	set(vcpu, CORE(regs.regs[20]), turns[HVC]);
	set(vcpu, CORE(regs.regs[21]), DEVICE);
	for (int k = SYSREG; k < KINDS; k++)
		set(vcpu, CORE(regs.regs[21 + k]), turns[k]);
	run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		fail("mmap");
	if (turns[NAP_MS])
		start_naps(turns[NAP_MS]);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (ioctl(vcpu, KVM_RUN, 0)) {
			if (errno != EINTR)
				fail("KVM_RUN");
			run->exit_reason = KVM_EXIT_INTR;
		} else if (run->exit_reason != KVM_EXIT_MMIO) {
			fprintf(stderr, "guest-arm64: exit reason %u\n", run->exit_reason);
			return 1;
		} else if (run->mmio.phys_addr == DEVICE) {
			sleep_ms(turns[PAUSE_MS]);
		}
	} while (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != DEVICE + 8);
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (int k = 0; k < KINDS; k++)
		all += turns[k];
	if (timing)
		printf("%.1f ns per turn\n", ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
					      (double)all);
	fflush(stdout);
	sleep_ms(turns[HOLD] * 1000);
	return 0;
}
