/* SPDX-License-Identifier: MIT */
/*
 * A KVM guest that exits an exact number of times for each reason asked for: the ground truth of the lab.
 *
 * usage: guest [--cpuid N] [--out N] [--in N] [--hlt N] [--nop N] [--rdmsr N] [--wrmsr N] [--mmio N]
 *              [--far N] [--touch N] [--pause N] [--hypercall N]
 *              [--ports N] [--msrs N] [--pages N] [--leaf NUMBER] [--subleaf NUMBER] [--msr NUMBER]
 *              [--port NUMBER] [--page NUMBER]
 *              [--call NUMBER] [--address NUMBER] [--eintr N] [--eagain N]
 *              [--vcpus V] [--vms M] [--repeat R] [--fail-entry N] [--threads-move] [--one-thread]
 *              [--maker 0|1|2] [--close-vms] [--wait] [--pause-ms N] [--nap-ms N] [--nap-us N] [--drop-us N]
 *              [--hold SEC]
 *              [--time] [--cpu-time]
 *
 * Every vCPU of every VM runs the same 16-bit code: for each kind, in the order above, a loop of N of its
 * instruction; all of it R times; then one write to port 0xf4, which ends the vCPU (so `out` counts one
 * more).
 * --out, --in, --hlt and --mmio return to this program each time (userspace exits), the others stay in the
 * kernel. MSR accesses go to 0x277 (PAT). A vCPU also takes a few exits that no guest controls: host
 * interrupts, and one nested page fault for each page it touches first (on VMX the first --mmio access is
 * an EPT_VIOLATION and the others are EPT_MISCONFIG; on SVM all are NPF). --nop makes no exit: three
 * instructions a turn.
 *
 * --ports N          writes to N ports, each another one: those of which bit 8 is set, again after 32,768
 * --msrs N           reads N MSRs, those after 0x20000000, which nothing has: KVM needs ignore_msrs=1
 * --pages N          writes to N pages that have no memory, from 1 GiB on
 * --leaf, --subleaf, --msr, --port, --page, --call NUMBER  what the others ask for: CPUID's leaf (0) and
 * subleaf (0), the MSR (0x277), the port (0x3f8), the page below 1 MiB (0xd0), the hypercall (0)
 * --far N, --address NUMBER  writes 32 bits at a physical address (0xfed000f0: the HPET's counter), which
 * returns to this program unless KVM has a device there
 * --touch N          writes to a page of the guest's memory, which exits if it isn't mapped; see --drop-us
 * --pause N          PAUSE, which exits where the processor finds that a vCPU spins
 * --eintr N, --eagain N  first, in one more VM with one vCPU, KVM_RUN fails N times because this program asks
 * for that, and N times because the vCPU isn't started
 * --fail-entry N     in addition, one more VM with one vCPU which tries N times to enter a guest that the
 * processor refuses (bit 60 of CR3 is set): SVM exit code -1, VMX reason 33 with bit 31
 * --threads-move     two threads take turns at running each vCPU, every 10 userspace exits
 * --one-thread       one thread for each VM runs its vCPUs in turns, 10 userspace exits each
 * --maker N          the thread that makes the VMs; debugfs names their folders by its id. 0: the first
 * thread. 1: a thread that stays. 2: a thread that ends
 * --close-vms        closes each VM's file descriptor once its vCPUs are there: the next VM has the same, and
 * no folder
 * --wait             prints "waiting" when all vCPU threads are there; they run their guests when standard
 * input ends
 * --pause-ms N       this program sleeps N ms in each userspace exit of --out, so that exit takes N ms and
 * more
 * --nap-ms N         HLTs sleep in the kernel, at an interrupt controller, until a signal that each vCPU's
 * thread gets every N ms; after it this program has the guest go on (--hlt doesn't return to it then)
 * --nap-us N         the same in microseconds
 * --drop-us N        takes the page of --touch from each VM every N us, as a balloon does
 * --hold SEC         VMs and threads stay for SEC seconds when all guests have ended
 * --time             prints the nanoseconds per loop turn of vCPU 0 of the first VM: instructions under
 * --icount
 * --cpu-time         prints the same of the threads' CPU time, all vCPUs together: what other programs take
 * isn't in it
 */
#define _GNU_SOURCE /* gettid */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CODE 0x1000
#define MEMORY 0x10000
#define TOUCHED 0x8000
#define APIC_PAGE 0xfee00
#define MSRS 0x20000000
#define PAGES 0x40000000
#define END_PORT 0xf4
#define OUT_PORT 0x3f8
#define EXITS_PER_TURN 10 /* with --threads-move and --one-thread */

/* A number in a kind's code that an option tells. */
struct hole {
	const long *number;
	size_t at, bytes;
};

struct kind {
	const char *name;
	uint8_t code[20];
	size_t length;
	struct hole holes[2];
	long turns;
};

static long leaf, subleaf, port = 0x3f8, msr = 0x277, page = 0xd0, call, address = 0xfed000f0;

static struct kind kinds[] = {
    /* inc dx; or dx,0x100; out dx,al */
    {"--ports", {0x42, 0x81, 0xca, 0x00, 0x01, 0xee}, 6, {{0}}, 0},
    /* inc ecx; rdmsr */
    {"--msrs", {0x66, 0x41, 0x0f, 0x32}, 4, {{0}}, 0},
    /* add ebp,0x1000; mov fs:[ebp],al */
    {"--pages", {0x66, 0x81, 0xc5, 0x00, 0x10, 0x00, 0x00, 0x64, 0x67, 0x88, 0x45, 0x00}, 12, {{0}}, 0},
    /* mov eax,LEAF; mov ecx,SUBLEAF; cpuid */
    {"--cpuid",
     {0x66, 0xb8, 0, 0, 0, 0, 0x66, 0xb9, 0, 0, 0, 0, 0x0f, 0xa2},
     14,
     {{&leaf, 2, 4}, {&subleaf, 8, 4}},
     0},
    /* mov dx,PORT; out dx,al */
    {"--out", {0xba, 0, 0, 0xee}, 4, {{&port, 1, 2}}, 0},
    /* mov dx,PORT; in al,dx */
    {"--in", {0xba, 0, 0, 0xec}, 4, {{&port, 1, 2}}, 0},
    /* hlt */
    {"--hlt", {0xf4}, 1, {{0}}, 0},
    /* nop */
    {"--nop", {0x90}, 1, {{0}}, 0},
    /* mov ecx,MSR; rdmsr */
    {"--rdmsr", {0x66, 0xb9, 0, 0, 0, 0, 0x0f, 0x32}, 8, {{&msr, 2, 4}}, 0},
    /* mov ecx,MSR; mov eax,0; mov edx,0; wrmsr */
    {"--wrmsr",
     {0x66, 0xb9, 0, 0, 0, 0, 0x66, 0xb8, 0, 0, 0, 0, 0x66, 0xba, 0, 0, 0, 0, 0x0f, 0x30},
     20,
     {{&msr, 2, 4}},
     0},
    /* mov ax,0x..00; mov ds,ax; mov [0],al: the page is the upper byte of its segment */
    {"--mmio", {0xb8, 0x00, 0, 0x8e, 0xd8, 0xa2, 0, 0}, 8, {{&page, 2, 1}}, 0},
    /* mov es:[OFFSET],eax: the segment's base is the rest of the address, see create_vcpu */
    {"--far", {0x66, 0x26, 0xa3, 0, 0}, 5, {{&address, 3, 2}}, 0},
    /* mov ss:[TOUCHED],eax */
    {"--touch", {0x66, 0x36, 0xa3, TOUCHED & 0xff, TOUCHED >> 8}, 5, {{0}}, 0},
    /* pause */
    {"--pause", {0xf3, 0x90}, 2, {{0}}, 0},
    /* mov eax,CALL; vmmcall; on Intel vmcall, see main */
    {"--hypercall", {0x66, 0xb8, 0, 0, 0, 0, 0x0f, 0x01, 0xd9}, 9, {{&call, 2, 4}}, 0},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define HYPERCALL (&kinds[KINDS - 1])
#define PAGES_KIND (&kinds[2])

struct vcpu {
	int fd;
	struct kvm_run *run;
	struct kvm_sregs sregs;
	long failures; /* entries which have to fail */
	bool ended;
	sem_t turns[2]; /* of the two threads of --threads-move */
	struct timespec start, end;
	double cpu_ns;
};

struct seat {
	struct vcpu *vcpu;
	int side;
};

static int kvm;
static bool timing, cpu_timing, threads_move, one_thread, close_vms, waits;
static long vcpus = 1, vms = 1, repeat = 1, fail_entry, eintr, eagain, maker, pause_ms, nap_ms, nap_us,
	    drop_us, hold;
static struct vcpu *all;
static long count; /* of all */
static sem_t made, ended;
static pthread_barrier_t started; /* with --wait, by all vCPU threads and main */

static const struct {
	const char *name;
	long *value, min, max;
} numbers[] = {
    {"--vcpus", &vcpus, 1, 1024},
    {"--leaf", &leaf, 0, UINT32_MAX},
    {"--subleaf", &subleaf, 0, UINT32_MAX},
    {"--msr", &msr, 0, UINT32_MAX},
    {"--port", &port, 0, UINT16_MAX},
    {"--page", &page, MEMORY / 0x1000, 0xff},
    {"--call", &call, 0, UINT32_MAX},
    {"--address", &address, 0x100000, UINT32_MAX},
    {"--vms", &vms, 1, 4096},
    {"--repeat", &repeat, 1, UINT32_MAX},
    {"--fail-entry", &fail_entry, 0, UINT32_MAX},
    {"--eintr", &eintr, 0, UINT32_MAX},
    {"--eagain", &eagain, 0, UINT32_MAX},
    {"--maker", &maker, 0, 2},
    {"--pause-ms", &pause_ms, 0, 3600000},
    {"--nap-ms", &nap_ms, 0, 3600000},
    {"--nap-us", &nap_us, 0, 999999},
    {"--drop-us", &drop_us, 0, 999999},
    {"--hold", &hold, 0, 86400},
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static void fail(const char *what)
{
	fprintf(stderr, "guest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void sleep_ms(long ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore))
		if (errno != EINTR)
			fail("sem_wait");
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

/* mov REGISTER,turns; the caller's loop begins after it. */
static uint8_t *loop_begin(uint8_t *at, uint8_t mov, uint32_t turns)
{
	at = put(at, (uint8_t[]){0x66, mov}, 2);
	return put(at, &turns, sizeof(turns));
}

/* dec REGISTER; jnz top */
static uint8_t *loop_end(uint8_t *at, uint8_t dec, const uint8_t *top)
{
	int16_t back;

	at = put(at, (uint8_t[]){0x66, dec, 0x0f, 0x85}, 4);
	back = (int16_t)(top - (at + sizeof(back)));
	return put(at, &back, sizeof(back));
}

static void load(uint8_t *memory)
{
	uint8_t *outer = loop_begin(memory + CODE, 0xbe, (uint32_t)repeat); /* esi */
	uint8_t *at = outer;

	for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
		uint8_t *top;

		if (!kind->turns)
			continue;
		top = loop_begin(at, 0xbf, (uint32_t)kind->turns); /* edi */
		at = put(top, kind->code, kind->length);
		for (const struct hole *hole = kind->holes; hole < kind->holes + 2; hole++)
			if (hole->number)
				memcpy(top + hole->at, hole->number, hole->bytes);
		at = loop_end(at, 0x4f, top);
	}
	at = loop_end(at, 0x4e, outer);
	put(at, (uint8_t[]){0xe6, END_PORT, 0xf4}, 3); /* out 0xf4,al; hlt */
}

static void set_registers(struct vcpu *vcpu)
{
	struct kvm_regs regs = {.rip = CODE, .rflags = 2, .rcx = MSRS, .rbp = PAGES};

	if (ioctl(vcpu->fd, KVM_SET_SREGS, &vcpu->sregs))
		fail("KVM_SET_SREGS");
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		fail("KVM_SET_REGS");
}

/* Ends a HLT, or an application processor's wait for the first, which KVM keeps as the vCPU's state. */
static void go_on(struct vcpu *vcpu)
{
	struct kvm_mp_state runnable = {KVM_MP_STATE_RUNNABLE};

	if (ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable))
		fail("KVM_SET_MP_STATE");
}

/* Runs the vCPU until its next userspace exit and serves that. */
static void run_once(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (ioctl(vcpu->fd, KVM_RUN, 0)) {
		if (errno != EINTR)
			fail("KVM_RUN");
		go_on(vcpu);
		return;
	}
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		if (run->io.port == END_PORT)
			vcpu->ended = true;
		else if (run->io.port == OUT_PORT && run->io.direction == KVM_EXIT_IO_OUT && pause_ms)
			sleep_ms(pause_ms);
		return;
	case KVM_EXIT_HLT:
		/* Without an interrupt controller KVM has stepped over it: the next KVM_RUN goes on. */
		go_on(vcpu);
		return;
	case KVM_EXIT_MMIO:
		return;
	case KVM_EXIT_FAIL_ENTRY:
		if (vcpu->failures) {
			vcpu->ended = !--vcpu->failures;
			set_registers(vcpu); /* QEMU's SVM leaves the host's state in the refused VMCB */
			return;
		}
	}
	fprintf(stderr, "guest: exit reason %u\n", run->exit_reason);
	exit(1);
}

static double thread_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void interrupt(int signal)
{
	(void)signal; /* to have interrupted KVM_RUN is all it is for */
}

/* Interrupts this thread's KVM_RUN every nap. */
static void start_naps(void)
{
	struct sigaction action = {.sa_handler = interrupt};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	struct timespec nap = {nap_ms / 1000, nap_ms % 1000 * 1000000 + nap_us * 1000};
	timer_t timer;

	event._sigev_un._tid = gettid();
	if (sigaction(SIGUSR1, &action, NULL) || timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &(struct itimerspec){nap, nap}, NULL))
		fail("a timer for --nap-ms");
}

static void *run_vcpu(void *argument)
{
	struct seat *seat = argument;
	struct vcpu *vcpu = seat->vcpu;

	if (waits) {
		pthread_barrier_wait(&started); /* all are there */
		pthread_barrier_wait(&started); /* all may go */
	}
	if (nap_ms || nap_us)
		start_naps();
	for (;;) {
		wait_for(&vcpu->turns[seat->side]);
		if (vcpu->ended)
			break;
		if (!vcpu->start.tv_sec && !vcpu->start.tv_nsec)
			clock_gettime(CLOCK_MONOTONIC, &vcpu->start);
		vcpu->cpu_ns -= thread_cpu_ns();
		for (int exits = 0; !vcpu->ended && !(threads_move && exits == EXITS_PER_TURN); exits++)
			run_once(vcpu);
		vcpu->cpu_ns += thread_cpu_ns();
		if (vcpu->ended) {
			clock_gettime(CLOCK_MONOTONIC, &vcpu->end);
			sem_post(&ended);
		}
		sem_post(&vcpu->turns[!seat->side]);
		if (vcpu->ended)
			break;
	}
	if (hold)
		pause();
	return NULL;
}

/* All vCPUs of a VM, from the first on. */
static void *run_in_turns(void *argument)
{
	struct vcpu *first = argument;

	for (long left = vcpus; left;)
		for (struct vcpu *vcpu = first; vcpu < first + vcpus; vcpu++) {
			if (vcpu->ended)
				continue;
			for (int exits = 0; !vcpu->ended && exits < EXITS_PER_TURN; exits++)
				run_once(vcpu);
			if (vcpu->ended) {
				left--;
				sem_post(&ended);
			}
		}
	if (hold)
		pause();
	return NULL;
}

static void start_thread(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run, argument);
	if (errno)
		fail("pthread_create");
}

/* Takes the page that --touch writes to, over and over. */
static void *drop(void *memory)
{
	for (;;) {
		usleep((useconds_t)drop_us);
		if (madvise((uint8_t *)memory + TOUCHED, 0x1000, MADV_DONTNEED))
			fail("madvise");
	}
	return NULL;
}

static int create_vm(void)
{
	struct kvm_userspace_memory_region region = {.memory_size = MEMORY};
	void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	if (vm < 0)
		fail("KVM_CREATE_VM");
	if (memory == MAP_FAILED)
		fail("mmap");
	region.userspace_addr = (uintptr_t)memory;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		fail("KVM_SET_USER_MEMORY_REGION");
	load(memory);
	if (drop_us)
		start_thread(drop, memory);
	if ((nap_ms || nap_us || address >> 12 == APIC_PAGE) && ioctl(vm, KVM_CREATE_IRQCHIP, 0))
		fail("KVM_CREATE_IRQCHIP");
	return vm;
}

static void create_vcpu(struct vcpu *vcpu, int vm, long id, long failures)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	vcpu->fd = ioctl(vm, KVM_CREATE_VCPU, id);
	if (vcpu->fd < 0)
		fail("KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		fail("mmap");
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &vcpu->sregs))
		fail("KVM_GET_SREGS");
	vcpu->sregs.cs.base = vcpu->sregs.cs.selector = 0;
	vcpu->sregs.es.base = (uint64_t)address & ~0xffffull;
	if (PAGES_KIND->turns) {
		vcpu->sregs.fs.limit = UINT32_MAX;
		vcpu->sregs.fs.g = 1; /* else VMX refuses such a limit */
	}
	go_on(vcpu);
	vcpu->failures = failures;
	if (failures)
		vcpu->sregs.cr3 = 1ull << 60; /* has to be zero; KVM checks that in long mode only */
	set_registers(vcpu);
	/* Both before a thread runs, which posts the other's. */
	for (int side = 0; side < 2; side++)
		if (sem_init(&vcpu->turns[side], 0, !side))
			fail("sem_init");
	for (int side = 0; side <= threads_move && !one_thread; side++) {
		struct seat *seat = malloc(sizeof(*seat));

		if (!seat)
			fail("malloc");
		*seat = (struct seat){vcpu, side};
		start_thread(run_vcpu, seat);
	}
}

static long parse(const char *name, const char *text, long min, long max)
{
	char *end = NULL;
	long value = 0;

	errno = 0;
	if (text)
		value = strtol(text, &end, 10);
	if (!text || errno || *text < '0' || *text > '9' || *end || value < min || value > max) {
		fprintf(stderr, "guest: %s takes a number from %ld to %ld, not '%s'\n", name, min, max,
			text ? text : "");
		exit(2);
	}
	return value;
}

static void parse_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i];
		size_t k, n;

		for (k = 0; k < KINDS && strcmp(name, kinds[k].name); k++)
			;
		for (n = 0; n < NUMBERS && strcmp(name, numbers[n].name); n++)
			;
		if (!strcmp(name, "--time")) {
			timing = true;
		} else if (!strcmp(name, "--cpu-time")) {
			cpu_timing = true;
		} else if (!strcmp(name, "--one-thread")) {
			one_thread = true;
		} else if (!strcmp(name, "--close-vms")) {
			close_vms = true;
		} else if (!strcmp(name, "--wait")) {
			waits = true;
		} else if (!strcmp(name, "--threads-move")) {
			threads_move = true;
		} else if (k < KINDS) {
			kinds[k].turns = parse(name, argv[++i], 0, UINT32_MAX);
		} else if (n < NUMBERS) {
			*numbers[n].value = parse(name, argv[++i], numbers[n].min, numbers[n].max);
		} else {
			fprintf(stderr, "guest: unknown option '%s'; the head of guest.c lists them\n", name);
			exit(2);
		}
	}
}

static void wait_for_input(void)
{
	char byte;

	pthread_barrier_wait(&started);
	puts("waiting");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	pthread_barrier_wait(&started);
}

/* Runs a vCPU that can't be run. */
static void fail_to_run(int vcpu, int wanted, long times)
{
	for (long i = 0; i < times; i++)
		if (!ioctl(vcpu, KVM_RUN, 0) || errno != wanted)
			fail("KVM_RUN was to fail");
}

static void refuse_runs(void)
{
	struct kvm_mp_state before_start = {KVM_MP_STATE_UNINITIALIZED};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), vcpu;
	struct kvm_run *run;

	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0))
		fail("a VM that refuses to run");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		fail("mmap");
	run->immediate_exit = 1;
	fail_to_run(vcpu, EINTR, eintr);
	run->immediate_exit = 0;
	/* The NMI ends its wait at once, and doesn't start it. */
	if (ioctl(vcpu, KVM_SET_MP_STATE, &before_start) || ioctl(vcpu, KVM_NMI, 0))
		fail("KVM_NMI");
	fail_to_run(vcpu, EAGAIN, eagain);
	munmap(run, (size_t)size);
	close(vcpu);
	close(vm);
}

static void create_vms(void)
{
	for (long i = 0; i < vcpus * vms;) {
		int vm = create_vm();

		for (long id = 0; id < vcpus; id++)
			create_vcpu(&all[i++], vm, id, 0);
		if (one_thread)
			start_thread(run_in_turns, &all[i - vcpus]);
		if (close_vms)
			close(vm);
	}
	if (fail_entry)
		create_vcpu(&all[count - 1], create_vm(), 0, fail_entry);
}

static void *make(void *unused)
{
	create_vms();
	sem_post(&made);
	while (maker == 1)
		pause();
	return unused;
}

int main(int argc, char **argv)
{
	unsigned int eax, ebx, ecx = 0, edx;
	struct rlimit limit;
	long turns = 0;

	parse_options(argc, argv);
	if (one_thread && (waits || nap_ms || fail_entry || threads_move)) {
		fputs("guest: --one-thread goes without --wait, --nap-ms, --fail-entry and --threads-move\n",
		      stderr);
		return 2;
	}
	__get_cpuid(1, &eax, &ebx, &ecx, &edx);
	if (ecx & 1 << 5) /* VMX */
		HYPERCALL->code[HYPERCALL->length - 1] = 0xc1;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		fail("/dev/kvm");
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (eintr || eagain)
		refuse_runs();
	count = vcpus * vms + !!fail_entry;
	all = calloc((size_t)count, sizeof(*all));
	if (!all || sem_init(&made, 0, 0) || sem_init(&ended, 0, 0))
		fail("no memory");
	if (waits)
		pthread_barrier_init(&started, NULL, (unsigned int)(count << threads_move) + 1);
	if (maker) {
		start_thread(make, NULL);
		wait_for(&made);
	} else {
		create_vms();
	}
	if (waits)
		wait_for_input();
	for (long i = 0; i < count; i++)
		wait_for(&ended);
	for (size_t k = 0; k < KINDS; k++)
		turns += kinds[k].turns;
	if (timing && turns) {
		double ns = (double)(all->end.tv_sec - all->start.tv_sec) * 1e9 +
			    (double)(all->end.tv_nsec - all->start.tv_nsec);

		printf("%.1f ns per turn\n", ns / ((double)turns * (double)repeat));
		fflush(stdout);
	}
	if (cpu_timing && turns) {
		double ns = 0;

		for (long i = 0; i < vcpus * vms; i++)
			ns += all[i].cpu_ns;
		printf("%.1f ns of CPU per turn\n",
		       ns / ((double)turns * (double)repeat * (double)(vcpus * vms)));
		fflush(stdout);
	}
	sleep_ms(hold * 1000);
	return 0;
}
