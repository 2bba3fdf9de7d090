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

/* Begins the span of a KVM_RUN that returned `status`; a failure's reason is its errno, since exit_reason may
 * be an earlier one's. */
static __always_inline void run_returned(struct vmexit_account *account, __u32 exit_reason, int status)
{
	span_file_unfinished(account, &account->exit, 1);
	span_flags(&account->exit, VMEXIT_KEY_TAKEN | (__u64)ISA_KVM_RUN << VMEXIT_KEY_ISA_SHIFT);
	if (status < 0)
		exit_reason = status;
	span_reason(&account->exit, exit_reason);
}

/*
 * Directly. kvm_userspace_exit doesn't tell the vCPU, which an fexit program would be told for some 110
 * instructions more. So where KVM_RUN begins, its thread's place in `runs` gets the vCPU's account, until it
 * returns. A thread that finds its place taken by another goes to `crowded_runs`.
 */

OUT_OF_LINE int run_crowded(__u64 task, __u32 account)
{
	if (!bpf_map_update_elem(&crowded_runs, &task, &account, BPF_ANY))
		__sync_fetch_and_add(&crowded, 1);
	else
		__sync_fetch_and_add(&losses.threads_full, 1);
	return 0;
}

/* The account of the vCPU that a crowded thread ran. */
OUT_OF_LINE struct vmexit_account *run_of_crowded(__u64 task)
{
	__u32 *found = bpf_map_lookup_elem(&crowded_runs, &task), index;

	if (!found)
		return NULL;
	index = *found;
	bpf_map_delete_elem(&crowded_runs, &task);
	__sync_fetch_and_add(&crowded, -1);
	return account_at(index);
}

/* A thread's place. Tasks are thousands of bytes: their addresses' lowest bits are the same. */
static __always_inline struct vmexit_run *run_of(__u64 task)
{
	__u32 place = (__u32)task >> 6 & ((1 << VMEXIT_RUNS_LOG2) - 1);

	return bpf_map_lookup_elem(&runs, &place);
}

static __always_inline int run_begins(struct kvm_vcpu *vcpu, enum purpose purpose)
{
	struct vmexit_account *account = vcpu ? vcpu_for_exit(vcpu) : NULL;
	__u64 task = bpf_get_current_task();
	struct vmexit_run *run = run_of(task);
	__u64 other;

	if (!account || !run)
		return 0;
	other = __sync_val_compare_and_swap(&run->task, 0, task);
	if (!other || other == task)
		run->account = account->self;
	else
		run_crowded(task, account->self);
	span_end(account, &account->exit, purpose);
	return 0;
}

/* The account of the vCPU whose KVM_RUN returns on this thread; NULL if it isn't traced, or its KVM_RUN began
 * before the programs were there. */
static __always_inline struct vmexit_account *run_ends(void)
{
	__u64 task = bpf_get_current_task();
	struct vmexit_run *run = run_of(task);

	if (!run)
		return NULL;
	if (run->task != task)
		return crowded ? run_of_crowded(task) : NULL;
	run->task = 0;
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

#endif
