/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Accounts and their owners: looked up, claimed at an owner's first event, released at the owner's end.
 *
 * What includes this has before it: ACCOUNT, the name of the struct of its accounts, which has the members
 * used here; maps called accounts and claims; config with account_mask, and losses. It may have a macro
 * ACCOUNT_CLAIMED, for an account that has just got its owner, and its index.
 *
 * An owner is a number of 64 bits: a vCPU's address, or a number of a thread. Its low half decides where
 * its account may be.
 */
#ifndef ACCOUNTS_BPF_H
#define ACCOUNTS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../contract/vmexit.h"
#include "../kernel/types.h"
#include "../kernel/verifier.bpf.h"

static __always_inline struct ACCOUNT *account_at(__u32 index)
{
	return bpf_map_lookup_elem(&accounts, &index);
}

/* For what account_search() returns. */
static __always_inline struct ACCOUNT *account_at_plus_one(int index_plus_one)
{
	return index_plus_one ? account_at(index_plus_one - 1) : NULL;
}

/* The shift leaves as many bits as the most accounts have, and is a constant: x86's JIT saves registers
 * around a shift by a variable. */
#define HASH(id, multiplier) ((id) * (multiplier) >> (32 - VMEXIT_ACCOUNTS_LOG2))

/*
 * The i-th place where an owner's account may be, by the low half of the owner: double hashing, so that taken
 * accounts don't gather. The first place is by Fibonacci hashing (2^32 divided by the golden ratio), the
 * steps to the others by MurmurHash3's multiplier; they are odd, so that they reach all accounts.
 */
static __always_inline __u32 place_of(__u32 id, __u32 i)
{
	__u32 home = HASH(id, 2654435769u), step = HASH(id, 2246822507u) | 1;

	return (home + i * step) & config.account_mask;
}

/*
 * The account of `owner`, whose low half is `id`, if it is at its first place or at the hint there. KVM
 * mostly gives a new vCPU the address of the one that ended last, whose account stays until the reader has
 * read it: without the hint, each exit of a VM that is started again would probe past that account.
 */
static __always_inline struct ACCOUNT *account_lookup(__u64 owner, __u32 id)
{
	struct ACCOUNT *account = account_at(place_of(id, 0));

	if (!account || account->owner == owner)
		return account;
	account = account_at(account->hint);
	return account && account->owner == owner ? account : NULL;
}

/* Index + 1 of the account of `owner`, wherever it is; 0 if it has none. */
VERIFIED_ONCE int account_search(__u64 owner)
{
	struct ACCOUNT *account;
	__u32 i, index;

	for (i = 0; i < VMEXIT_PROBES; i++) {
		index = place_of(owner, i);
		account = account_at(index);
		/* Never NULL; going on would have the verifier walk the rest of the loop for both cases. */
		if (!account)
			break;
		if (account->owner == owner)
			return index + 1;
	}
	return 0;
}

/* Whether the account was free and is the caller's from now on. */
VERIFIED_ONCE int account_claim_at(__u32 index)
{
	struct ACCOUNT *account = account_at(index);
	__u8 taken = 1;

	return account && account->state == VMEXIT_FREE &&
	       !bpf_map_update_elem(&claims, &index, &taken, BPF_NOEXIST);
}

/* Tells the reader the account's owner: the current process and thread. */
static __always_inline void account_describe(struct ACCOUNT *account, int vcpu_id)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	account->tgid = pid_tgid >> 32;
	account->tid = pid_tgid;
	account->vcpu_id = vcpu_id;
	account->start_ns = BPF_CORE_READ(leader, start_boottime);
	BPF_CORE_READ_INTO(&account->comm, leader, comm);
}

/* Takes a free account for `owner`, who still has to be written into it. Index + 1; 0 if there is none. */
VERIFIED_ONCE int account_take(__u64 owner)
{
	__u32 i, index;

	for (i = 0; i < VMEXIT_PROBES; i++) {
		index = place_of(owner, i);
		if (account_claim_at(index))
			return index + 1;
	}
	return 0;
}

/* Gives `owner` a free account. Index + 1; 0 if there is none. */
static __always_inline int account_claim(__u64 owner, int vcpu_id)
{
	int index_plus_one = account_take(owner);
	struct ACCOUNT *account = account_at_plus_one(index_plus_one);

	if (!account)
		return 0;
	account_describe(account, vcpu_id);
#ifdef ACCOUNT_CLAIMED
	ACCOUNT_CLAIMED(account, index_plus_one - 1);
#endif
	account->owner = owner;
	account->state = VMEXIT_LIVE;
	return index_plus_one;
}

/* Index + 1 of the account of `owner`, which account_lookup() doesn't find, claimed if it has none; 0 if none
 * is free: then the exit is lost. */
static __always_inline int account_for_exit(__u64 owner, int vcpu_id)
{
	int index_plus_one = account_search(owner);
	struct ACCOUNT *first;

	if (!index_plus_one)
		index_plus_one = account_claim(owner, vcpu_id);
	first = account_at(place_of(owner, 0));
	if (index_plus_one && first)
		first->hint = index_plus_one - 1;
	return index_plus_one;
}

/* The account's owner is gone: the account is the reader's, and a new owner with the same number gets
 * another. */
static __always_inline void account_release(struct ACCOUNT *account)
{
	account->owner = 0;
	account->state = VMEXIT_ENDED;
}

#endif
