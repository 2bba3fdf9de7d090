/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Returns of KVM_RUN to the VMM, one more use of the span: it begins where KVM_RUN returns and ends at the
 * vCPU's next KVM_RUN. Its keys have ISA_KVM_RUN in place of an instruction set. These programs are loaded
 * instead of those on exits, and use the same span of the account.
 */
#ifndef VMEXIT_KVM_RUN_BPF_H
#define VMEXIT_KVM_RUN_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../contract/isa.h"
#include "../kernel/types.h"
#include "maps.bpf.h"
#include "span.bpf.h"
#include "thread-owner.bpf.h"
#include "vcpu-account.bpf.h"

/* KVM_EXIT_*, include/uapi/linux/kvm.h */
enum {
	RUN_IO = 2,
	RUN_HYPERCALL = 3,
	RUN_MMIO = 6,
	RUN_SYSTEM_EVENT = 24,
	RUN_X86_RDMSR = 29,
	RUN_X86_WRMSR = 30,
	RUN_PAPR_HCALL = 19,
	RUN_RISCV_SBI = 35,
	RUN_RISCV_CSR = 36,
};

/* What struct kvm_run has of each of them, from byte 32 on. It is the VMM's memory, too: any bytes. */
#define RUN_EXIT_OFFSET 32
union run_exit {
	struct {
		__u8 is_out, size;
		__u16 port;
		__u32 count;
	} io;
	struct {
		__u64 address, data;
		__u32 length;
		__u8 is_write;
	} mmio;
	struct {
		__u64 number;
	} hypercall;
	struct {
		__u32 type;
	} system_event;
	struct {
		__u64 error;
		__u32 why, number;
	} msr;
#ifdef __TARGET_ARCH_riscv
	struct {
		__u64 extension, function;
	} sbi;
	struct {
		__u64 number, value, mask;
	} csr;
#endif
};

static __always_inline __u64 run_port(__u64 port, __u64 size, int is_out, int is_string)
{
	return port << 16 | (size & 7) << 4 | (__u64) !!is_string << 2 | !is_out;
}

static __always_inline __u64 run_mmio(__u64 address, int is_write)
{
	return (address & ((1ULL << VMEXIT_FAULT_SHIFT) - 1)) | (is_write ? VMEXIT_FAULT_WRITE : 0);
}

/* Whether exits to the VMM of this reason have a detail. */
static __always_inline int run_has_detail(__u32 reason)
{
	switch (reason) {
	case RUN_IO:
	case RUN_HYPERCALL:
	case RUN_MMIO:
	case RUN_SYSTEM_EVENT:
	case RUN_X86_RDMSR:
	case RUN_X86_WRMSR:
#ifdef __TARGET_ARCH_riscv
	case RUN_RISCV_SBI:
	case RUN_RISCV_CSR:
#endif
#ifdef __TARGET_ARCH_powerpc
	case RUN_PAPR_HCALL:
#endif
		return 1;
	}
	return 0;
}

static __always_inline __u64 run_detail(__u32 reason, const union run_exit *exit)
{
	switch (reason) {
	case RUN_IO:
		return run_port(exit->io.port, exit->io.size, exit->io.is_out, exit->io.count > 1);
	case RUN_HYPERCALL:
#ifdef __TARGET_ARCH_powerpc
	case RUN_PAPR_HCALL:
#endif
		return (__u32)exit->hypercall.number;
	case RUN_MMIO:
		return run_mmio(exit->mmio.address, exit->mmio.is_write);
	case RUN_SYSTEM_EVENT:
		return exit->system_event.type;
	case RUN_X86_RDMSR:
		return exit->msr.number;
	case RUN_X86_WRMSR:
		return exit->msr.number | VMEXIT_MSR_WRITE;
#ifdef __TARGET_ARCH_riscv
	case RUN_RISCV_SBI:
		return exit->sbi.extension << VMEXIT_SBI_SHIFT |
		       (exit->sbi.function & ((1 << VMEXIT_SBI_SHIFT) - 1));
	case RUN_RISCV_CSR:
		/* As CSRRW and CSRRS have it. */
		return (exit->csr.number & 0xfff) << 20 | (exit->csr.mask ? 1 : 2) << 12;
#endif
	}
	return 0;
}

/* Begins the span of a KVM_RUN that returned `status`; a failure's reason is its errno, since exit_reason may
 * be an earlier one's. `page`: address of the vCPU's struct kvm_run; 0: not known. */
static __always_inline void run_returned(struct vmexit_account *account, __u32 exit_reason, int status,
					 __u64 page)
{
	struct vmexit_span *span = &account->exit;
	union run_exit exit;

	span_file_unfinished(account, span, 1);
	span_flags(span, VMEXIT_KEY_TAKEN | (__u64)ISA_KVM_RUN << VMEXIT_KEY_ISA_SHIFT);
	if (status < 0)
		exit_reason = status;
	if (DETAILS && run_has_detail(exit_reason)) {
		if (page && !bpf_probe_read_kernel(&exit, sizeof(exit), (void *)(page + RUN_EXIT_OFFSET)))
			span_detail(span, run_detail(exit_reason, &exit));
		else
			span_detail_unknown(span);
	}
	span_reason(span, exit_reason);
}

/*
 * Directly. kvm_userspace_exit doesn't tell the vCPU, which an fexit program would be told for some 110
 * instructions more. So where KVM_RUN begins, its thread's place in `runs` gets the vCPU's account, until it
 * returns. A thread that finds its place taken by another goes to `crowded_runs`.
 */

OUT_OF_LINE int run_crowded(__u64 task, __u32 account, __u64 page)
{
	struct vmexit_run run = {.task = task, .account = account, .page = page};

	if (!bpf_map_update_elem(&crowded_runs, &task, &run, BPF_ANY))
		__sync_fetch_and_add(&crowded, 1);
	else
		__sync_fetch_and_add(&losses.threads_full, 1);
	return 0;
}

/* The account of the vCPU that a crowded thread ran. `page`: NULL where it isn't wanted. */
OUT_OF_LINE struct vmexit_account *run_of_crowded(__u64 task, __u64 *page)
{
	struct vmexit_run *found = bpf_map_lookup_elem(&crowded_runs, &task);
	__u32 index;

	if (!found)
		return NULL;
	index = found->account;
	if (DETAILS && page)
		*page = found->page;
	bpf_map_delete_elem(&crowded_runs, &task);
	__sync_fetch_and_add(&crowded, -1);
	return account_at(index);
}

/* A thread's place, by Fibonacci hashing: tasks lie at multiples of some KiB, whose middle bits are alike,
 * too. */
static __always_inline struct vmexit_run *run_of(__u64 task)
{
	__u32 place = (__u32)task * 2654435769u >> (32 - VMEXIT_RUNS_LOG2);

	return bpf_map_lookup_elem(&runs, &place);
}

static __always_inline int run_begins(struct kvm_vcpu *vcpu, enum purpose purpose)
{
	struct vmexit_account *account = vcpu ? vcpu_for_exit(vcpu, TYPED) : NULL;
	__u64 task = bpf_get_current_task();
	struct vmexit_run *run = run_of(task);
	__u64 other;

	if (!account || !run)
		return 0;
	other = __sync_val_compare_and_swap(&run->task, 0, task);
	if (!other || other == task) {
		run->account = account->self;
		if (DETAILS)
			run->page = (__u64)vcpu->run;
	} else
		run_crowded(task, account->self, DETAILS ? (__u64)vcpu->run : 0);
	span_end(account, &account->exit, purpose);
	return 0;
}

/* The account of the vCPU whose KVM_RUN returns on this thread; NULL if it isn't traced, or its KVM_RUN began
 * before the programs were there. `page` as in run_returned(). */
static __always_inline struct vmexit_account *run_ends(__u64 *page)
{
	__u64 task = bpf_get_current_task();
	struct vmexit_run *run = run_of(task);

	if (!run)
		return NULL;
	if (run->task != task)
		return crowded ? run_of_crowded(task, DETAILS ? page : NULL) : NULL;
	run->task = 0;
	if (DETAILS)
		*page = run->page;
	return account_at(run->account);
}

/* By payload. */

/* The account of the vCPU whose KVM_RUN returns on this thread. One whose KVM_RUN began before the programs
 * were there has none yet: its id is known when it is entered. */
static __always_inline struct vmexit_account *thread_for_return(void)
{
	struct vmexit_account *account = thread_last();

	return account ? account : thread_for_exit(bpf_get_current_pid_tgid(), -1);
}

/* The account of the vCPU that this thread enters. */
static __always_inline struct vmexit_account *thread_for_run(int vcpu_id)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct vmexit_account *account = account_lookup(thread, thread);

	if (account && account->vcpu_id < 0)
		account->vcpu_id = vcpu_id;
	return thread_for_exit(thread, vcpu_id);
}

/*
 * By payload, what events since the entry tell of the exit to the VMM: while no span is open, the account's
 * span has the last one's detail, and `rip` its reason, 0 for none. An access that KVM handles itself has
 * such events, too, and an entry after them.
 */

static __always_inline void run_told(struct vmexit_account *account, __u32 reason, __u64 detail)
{
	account->rip = reason;
	account->exit.detail = detail;
}

/* Adds what was told to the span that has just begun. */
static __always_inline void run_take_told(struct vmexit_account *account)
{
	if (account->exit.key & VMEXIT_KEY_UNKNOWN && (__u32)account->exit.key == account->rip)
		account->exit.key ^= VMEXIT_KEY_UNKNOWN | VMEXIT_KEY_DETAIL;
	account->rip = 0;
}

#endif
