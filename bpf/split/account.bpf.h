/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The accounts of vCPUs: begun at a vCPU's first event, or by the iterator for those that are there already.
 */
#ifndef SPLIT_ACCOUNT_BPF_H
#define SPLIT_ACCOUNT_BPF_H

#include <linux/bpf.h>
#include <asm-generic/errno-base.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../kernel/types.h"
#include "../kernel/verifier.bpf.h"
#include "maps.bpf.h"
#include "clock.bpf.h"
#include "../accounts/accounts.bpf.h"

/* KVM's own counts, of a vCPU by its address. */
static __always_inline void polls_of(struct kvm_vcpu *vcpu, __u64 *success_ns, __u64 *fail_ns)
{
	if (bpf_core_field_exists(vcpu->stat.generic)) {
		*success_ns = BPF_CORE_READ(vcpu, stat.generic.halt_poll_success_ns);
		*fail_ns = BPF_CORE_READ(vcpu, stat.generic.halt_poll_fail_ns);
	} else {
		struct kvm_vcpu___flat *flat = (void *)vcpu;

		*success_ns = BPF_CORE_READ(flat, stat.halt_poll_success_ns);
		*fail_ns = BPF_CORE_READ(flat, stat.halt_poll_fail_ns);
	}
}

/*
 * Begins the account of a vCPU that `task`'s process runs, in that activity. Index + 1; 0 if none is free or
 * another CPU is doing the same.
 */
static __always_inline int split_begin(__u64 owner, struct task_struct *task, __u32 activity)
{
	struct kvm_vcpu *vcpu = (void *)owner;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 success_ns, fail_ns;
	struct split_account *account;
	__u8 taken = 1;
	int index_plus_one, error = bpf_map_update_elem(&owners, &owner, &taken, BPF_NOEXIST);

	if (error) {
		/* The map of owners has as many places as there are accounts. */
		if (error != -EEXIST)
			__sync_fetch_and_add(&losses.accounts_full, 1);
		return 0;
	}
	index_plus_one = account_take(owner);
	account = account_at_plus_one(index_plus_one);
	if (!account) {
		bpf_map_delete_elem(&owners, &owner);
		__sync_fetch_and_add(&losses.accounts_full, 1);
		return 0;
	}
	account->tgid = BPF_CORE_READ(task, tgid);
	account->start_ns = BPF_CORE_READ(leader, start_boottime);
	BPF_CORE_READ_INTO(&account->comm, leader, comm);
	account->vcpu_id = BPF_CORE_READ(vcpu, vcpu_id);
	polls_of(vcpu, &success_ns, &fail_ns);
	account->polled_success_ns = success_ns;
	account->polled_fail_ns = fail_ns;
	account->cpu = bpf_get_smp_processor_id();
	account->self = index_plus_one - 1;
	account->activity = activity;
	account->first_ns = account->since_ns = bpf_ktime_get_ns();
	/* Those who find it from here on find all of it. */
	account->owner = owner;
	account->state = VMEXIT_LIVE;
	return index_plus_one;
}

/* Index + 1 of the account of a vCPU, by its address, that the current thread runs and filters don't leave
 * out, begun in that activity if it has none; 0 if there is none free. */
VERIFIED_ONCE int split_find(__u64 owner, __u32 activity)
{
	int index_plus_one = account_search(owner);
	struct split_account *first;

	if (!index_plus_one)
		index_plus_one = split_begin(owner, (void *)bpf_get_current_task(), activity);
	first = account_at(place_of(owner, 0));
	if (index_plus_one && first)
		first->hint = index_plus_one - 1;
	return index_plus_one;
}

/* The vCPU's life ends. */
static __always_inline void split_end(__u64 owner)
{
	struct split_account *account = account_at_plus_one(account_search(owner));

	if (!account)
		return;
	clock_turn(account, SPLIT_VMM, bpf_ktime_get_ns());
	account_release(account);
	bpf_map_delete_elem(&owners, &owner);
}

#endif
