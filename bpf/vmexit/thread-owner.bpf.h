/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Accounts of threads, for programs that have no vCPU's address. A thread mostly runs one vCPU, whose owner
 * is the thread's pid_tgid. Further vCPUs that it runs have owners with the same low half, tid, so that all
 * their accounts are at the same places.
 */
#ifndef VMEXIT_THREAD_OWNER_BPF_H
#define VMEXIT_THREAD_OWNER_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../kernel/verifier.bpf.h"
#include "maps.bpf.h"
#include "../accounts/accounts.bpf.h"
#include "../accounts/filters.bpf.h"

static __always_inline __u64 owner_of_further(__u64 thread, __u32 vcpu_id)
{
	return thread ^ (__u64)(vcpu_id + 1) << 32;
}

/* The accounts of a thread; `i` counts places. There is an account at each place. */
#define FOR_EACH_OF_THREAD(account, tid, i) \
	for (i = 0; i < VMEXIT_PROBES && (account = account_at(place_of(tid, i))); i++) \
		if ((__u32)account->owner == tid)

/* The thread's later events are of `owner`'s vCPU, until another's exit. Returns how many accounts the thread
 * has. */
VERIFIED_ONCE int thread_ran(__u64 owner)
{
	__u32 tid = owner, i;
	struct vmexit_account *account;
	int accounts = 0;

	FOR_EACH_OF_THREAD(account, tid, i)
	{
		account->shared = 1;
		account->ran_last = account->owner == owner;
		accounts++;
	}
	return accounts;
}

/*
 * Where the tid of a thread is that has no account, because filters leave out all vCPUs that it ran: it needs
 * no search at each event. Only the thread's own claim makes that wrong, and takes it back; a later thread
 * with the same tid begins without an account, too.
 */
static __always_inline __u32 *bare_thread(__u32 tid)
{
	__u32 place = filter_place(tid);

	return filters() ? bpf_map_lookup_elem(&bare_threads, &place) : NULL;
}

static __always_inline int thread_is_bare(__u32 tid)
{
	__u32 *bare = bare_thread(tid);

	return bare && *bare == tid;
}

/* A vCPU that isn't traced exits. */
OUT_OF_LINE int thread_ran_left_out(__u64 thread, int vcpu_id)
{
	__u32 tid = thread, *bare = bare_thread(tid);

	if (bare && *bare == tid)
		return 0;
	if (!thread_ran(owner_of_further(thread, vcpu_id)) && bare)
		*bare = tid;
	return 0;
}

VERIFIED_ONCE int thread_claim(__u64 owner, int vcpu_id)
{
	int index_plus_one = account_for_exit(owner, vcpu_id);
	__u32 tid = owner, *bare = bare_thread(tid);

	if (bare && *bare == tid)
		*bare = 0;
	if (!index_plus_one)
		__sync_fetch_and_add(
		    owner == bpf_get_current_pid_tgid() ? &losses.accounts_full : &losses.threads_full, 1);
	return index_plus_one;
}

/* The account of a vCPU that exits and isn't the thread's first, or isn't found at once; NULL if it isn't
 * traced. */
OUT_OF_LINE struct vmexit_account *thread_search_for_exit(__u64 thread, int vcpu_id)
{
	struct vmexit_account *account;

	if (is_left_out(vcpu_id)) {
		thread_ran_left_out(thread, vcpu_id);
		return NULL;
	}
	account = account_at_plus_one(thread_claim(thread, vcpu_id));
	if (account && account->vcpu_id != vcpu_id) {
		account = account_at_plus_one(thread_claim(owner_of_further(thread, vcpu_id), vcpu_id));
		if (account)
			account->shared = 1;
	}
	if (account && account->shared)
		thread_ran(account->owner);
	return account;
}

/* The account of a thread's vCPU that exits; NULL if it isn't traced. */
static __always_inline struct vmexit_account *thread_for_exit(__u64 thread, int vcpu_id)
{
	struct vmexit_account *account = account_lookup(thread, thread);

	if (!account || account->vcpu_id != vcpu_id)
		return thread_search_for_exit(thread, vcpu_id);
	if (account->shared)
		thread_ran(thread);
	return account;
}

OUT_OF_LINE struct vmexit_account *thread_search_last(__u32 tid)
{
	__u32 i;
	struct vmexit_account *account;

	FOR_EACH_OF_THREAD(account, tid, i)
	{
		if (!account->shared || account->ran_last)
			return account;
	}
	return NULL;
}

/* The account of the vCPU that exited last on the current thread. */
static __always_inline struct vmexit_account *thread_last(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct vmexit_account *account = account_at(place_of(tid, 0));

	if (account && (__u32)account->owner == tid && !account->shared)
		return account;
	if (thread_is_bare(tid))
		return NULL;
	return thread_search_last(tid);
}

/* The account of a thread's vCPU that is entered, where the thread runs several; vcpu_id < 0: unknown. */
OUT_OF_LINE struct vmexit_account *thread_search_entered(__u32 tid, int vcpu_id)
{
	__u32 i;
	struct vmexit_account *account;

	FOR_EACH_OF_THREAD(account, tid, i)
	{
		if (vcpu_id < 0 ? account->ran_last : account->vcpu_id == vcpu_id)
			return account;
	}
	return NULL;
}

/* The account of a thread's vCPU that is entered; vcpu_id < 0: unknown. */
static __always_inline struct vmexit_account *thread_for_entry(__u64 thread, int vcpu_id)
{
	struct vmexit_account *account = account_lookup(thread, thread);

	if (!account && thread_is_bare(thread))
		return NULL;
	if (!account)
		account = account_at_plus_one(account_search(thread));
	if (account && (config.entry_has_vcpu_id ? account->vcpu_id != vcpu_id : account->shared))
		account = thread_search_entered(thread, vcpu_id);
	return account;
}

#endif
