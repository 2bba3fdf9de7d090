/* Accounts of vCPUs, for programs that have the vCPU: the owner is its address. */
#ifndef ACCOUNTS_VCPU_OWNER_BPF_H
#define ACCOUNTS_VCPU_OWNER_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../kernel/types.h"
#include "../kernel/verifier.bpf.h"
#include "accounts.bpf.h"
#include "filters.bpf.h"

/* The whole address, as a number that global functions can be given. It takes some 80 instructions. */
static __always_inline __u64 vcpu_owner(struct kvm_vcpu *vcpu)
{
	__u64 owner = 0;

	bpf_probe_read_kernel(&owner, sizeof(owner), &vcpu);
	return owner;
}

static __always_inline struct ACCOUNT *vcpu_lookup(struct kvm_vcpu *vcpu)
{
	return account_lookup((__u64)vcpu, low_half(vcpu));
}

static __always_inline struct ACCOUNT *vcpu_search(struct kvm_vcpu *vcpu)
{
	return account_at_plus_one(account_search(vcpu_owner(vcpu)));
}

/* For a vCPU that vcpu_lookup() doesn't find: index + 1 of its account, 0 if it has none. */
OUT_OF_LINE int vcpu_claim(struct kvm_vcpu *vcpu, int vcpu_id)
{
	int index_plus_one = account_for_exit(vcpu_owner(vcpu), vcpu_id);

	if (!index_plus_one)
		__sync_fetch_and_add(&losses.accounts_full, 1);
	return index_plus_one;
}

/* The account of a vCPU that exits, its own from the first exit on; NULL if it isn't traced. */
static __always_inline struct ACCOUNT *vcpu_for_exit(struct kvm_vcpu *vcpu)
{
	struct ACCOUNT *account = vcpu_lookup(vcpu);

	if (account)
		return account;
	if (is_left_out(vcpu->vcpu_id))
		return NULL;
	return account_at_plus_one(vcpu_claim(vcpu, vcpu->vcpu_id));
}

/* The account of a vCPU that is entered; NULL if it has none. */
static __always_inline struct ACCOUNT *vcpu_for_entry(struct kvm_vcpu *vcpu)
{
	struct ACCOUNT *account = vcpu_lookup(vcpu);

	if (account)
		return account;
	if (filters() && vcpu && is_left_out(vcpu->vcpu_id))
		return NULL;
	return vcpu_search(vcpu);
}

#endif
