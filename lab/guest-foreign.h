/* SPDX-License-Identifier: MIT */
/*
 * What the guests of other architectures share: options, a VM with one vCPU and some memory, the loop of KVM_RUN.
 *
 * A guest is a loop for each kind of exit that it makes, in the order of its options, and a last exit to this program.
 */
#ifndef GUEST_FOREIGN_H
#define GUEST_FOREIGN_H

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

/* The most kinds of turns that a guest has. */
#define MOST_KINDS 8

struct guest {
	const char *name;
	/* The option of each kind, whose number is how many turns are made; NULL-terminated. */
	const char *kinds[MOST_KINDS + 1];
	/* Memory from this guest-physical address on, which holds the code at its beginning or at an offset. */
	uint64_t ram, offset;
	const void *code;
	size_t code_size;
	/* Makes VM and vCPU ready to run the turns. */
	void (*prepare)(int vm, int vcpu, const uint64_t *turns);
	/* An exit to this program: 1 if it is the last one, 0 if the guest goes on, -1 if the guest has no such exit. */
	int (*exited)(struct kvm_run *run, uint64_t pause_ms);
};

static const char *guest_name = "guest";

static inline void fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", guest_name, what, strerror(errno));
	exit(1);
}

static inline void set_register(int vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { id, (uintptr_t)&value };

	if (ioctl(vcpu, KVM_SET_ONE_REG, &reg))
		fail("KVM_SET_ONE_REG");
}

static inline void sleep_ms(uint64_t ms)
{
	struct timespec left = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static inline uint64_t parse_number(const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end) {
		fprintf(stderr, "%s: not a number: '%s'\n", guest_name, text);
		exit(2);
	}
	return (uint64_t)value;
}

static inline void interrupt(int signal)
{
	(void)signal; /* to have interrupted KVM_RUN is all it is for */
}

/* Interrupts this thread's KVM_RUN every `ms`. */
static inline void start_naps(uint64_t ms)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct timespec nap = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	timer_t timer;

	if (sigaction(SIGUSR1, &action, NULL) || timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &(struct itimerspec){ nap, nap }, NULL))
		fail("a timer for --nap-ms");
}

/* Returns KVM_RUN's last exit to this program. */
static inline void run_guest(const struct guest *guest, int vcpu, struct kvm_run *run, uint64_t pause_ms)
{
	int ended = 0;

	while (!ended) {
		if (ioctl(vcpu, KVM_RUN, 0)) {
			if (errno != EINTR)
				fail("KVM_RUN");
			continue;
		}
		ended = guest->exited(run, pause_ms);
		if (ended < 0) {
			fprintf(stderr, "%s: exit reason %u\n", guest->name, run->exit_reason);
			exit(1);
		}
	}
}

static inline int guest_main(const struct guest *guest, int argc, char **argv)
{
	enum { MEMORY = 0x10000, HOLD = MOST_KINDS, PAUSE_MS, NAP_MS, NUMBERS };
	static const char *const common[] = { "--hold", "--pause-ms", "--nap-ms" };
	struct kvm_userspace_memory_region region = { .guest_phys_addr = guest->ram, .memory_size = MEMORY };
	uint64_t turns[NUMBERS] = { 0 }, all = 1;
	int kvm, vm, vcpu, timing = 0;
	struct timespec start, end;
	struct kvm_run *run;
	void *memory;

	guest_name = guest->name;
	for (int i = 1; i < argc; i += 2) {
		int k, n;

		if (!strcmp(argv[i], "--time")) {
			timing = 1;
			i--;
			continue;
		}
		for (k = 0; guest->kinds[k] && strcmp(argv[i], guest->kinds[k]); k++)
			;
		for (n = HOLD; n < NUMBERS && strcmp(argv[i], common[n - HOLD]); n++)
			;
		if ((!guest->kinds[k] && n == NUMBERS) || i + 1 == argc) {
			fprintf(stderr, "%s: unknown option or no number after it: '%s'\n", guest_name, argv[i]);
			return 2;
		}
		turns[guest->kinds[k] ? k : n] = parse_number(argv[i + 1]);
	}
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		fail("/dev/kvm");
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	memcpy((char *)memory + guest->offset, guest->code, guest->code_size);
	region.userspace_addr = (uintptr_t)memory;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		fail("KVM_CREATE_VM");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		fail("KVM_CREATE_VCPU");
	guest->prepare(vm, vcpu, turns);
	run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		fail("mmap");
	if (turns[NAP_MS])
		start_naps(turns[NAP_MS]);
	clock_gettime(CLOCK_MONOTONIC, &start);
	run_guest(guest, vcpu, run, turns[PAUSE_MS]);
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (int k = 0; guest->kinds[k]; k++)
		all += turns[k];
	if (timing)
		printf("%.1f ns per turn\n", ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
					      (double)all);
	fflush(stdout);
	sleep_ms(turns[HOLD] * 1000);
	return 0;
}

/* For guests that end, and exit to this program, by stores to no memory: at `device`, and at the next word to end. */
static inline int exited_by_mmio(struct kvm_run *run, uint64_t device, uint64_t pause_ms)
{
	if (run->exit_reason != KVM_EXIT_MMIO)
		return -1;
	if (run->mmio.phys_addr == device)
		sleep_ms(pause_ms);
	return run->mmio.phys_addr == device + 8;
}

#endif
