/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which vCPU a thread within KVM_RUN runs, for programs that attach directly. kvm_userspace_exit doesn't tell
 * it; an fexit program would be told, for some 110 instructions more. So where KVM_RUN begins, its thread's
 * place in `runs` gets the vCPU's account, until it returns. A thread that finds its place taken by another,
 * or was within KVM_RUN before the programs were there, has an entry in `threads` instead.
 */
#ifndef SPLIT_RUNS_BPF_H
#define SPLIT_RUNS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../kernel/verifier.bpf.h"
#include "../accounts/accounts.bpf.h"
#include "maps.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << VMEXIT_RUNS_LOG2);
	__type(key, __u32);
	__type(value, struct split_run);
} runs SEC(".maps");

/* How many entries `threads` has, or more: 0 if there is none to look for. */
__u64 entered SEC(".bss.entered");

/* The thread is within a KVM_RUN of that account's vCPU. */
OUT_OF_LINE int runs_enter(__u32 tid, __u32 account)
{
	bpf_map_update_elem(&threads, &tid, &account, BPF_ANY);
	__sync_fetch_and_add(&entered, 1);
	return 0;
}

/* What it is within, if that is known; it no longer is. */
OUT_OF_LINE struct split_account *runs_leave(__u64 task)
{
	__u32 tid = bpf_get_current_pid_tgid(), *found = bpf_map_lookup_elem(&threads, &tid), index;
	struct split_account *account;

	if (!found)
		return NULL;
	index = *found;
	bpf_map_delete_elem(&threads, &tid);
	__sync_fetch_and_add(&entered, -1);
	account = account_at(index);
	/* Another thread may have run the vCPU since. */
	return account && (!account->task || account->task == task) ? account : NULL;
}

/* A thread's place, by the low half of its address and Fibonacci hashing: tasks lie at multiples of some KiB,
 * whose middle bits are alike, too. */
static __always_inline struct split_run *run_of(__u32 half)
{
	__u32 place = half * 2654435769u >> (32 - VMEXIT_RUNS_LOG2);

	return bpf_map_lookup_elem(&runs, &place);
}

/* The current thread, by its address and the low half of that, begins a KVM_RUN. */
static __always_inline void run_begins(const struct split_account *account, __u64 task, __u32 half)
{
	struct split_run *run = run_of(half);
	__u64 other;

	if (!run)
		return;
	other = __sync_val_compare_and_swap(&run->task, 0, task);
	if (!other || other == task)
		run->account = account->self;
	else
		runs_enter(bpf_get_current_pid_tgid(), account->self);
}

/* Its KVM_RUN returns: the account of its vCPU; NULL if that isn't traced. */
static __always_inline struct split_account *run_ends(__u64 task, __u32 half)
{
	struct split_run *run = run_of(half);

	if (!run)
		return NULL;
	if (run->task != task)
		return entered ? runs_leave(task) : NULL;
	run->task = 0;
	return account_at(run->account);
}

#endif
