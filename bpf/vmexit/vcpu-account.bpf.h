/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Accounts of vCPUs that exit or are entered, for programs that have the vCPU. */
#ifndef VMEXIT_VCPU_ACCOUNT_BPF_H
#define VMEXIT_VCPU_ACCOUNT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "maps.bpf.h"
#include "span.bpf.h"
#include "../accounts/filters.bpf.h"
#include "../accounts/vcpu-owner.bpf.h"
#include "../kernel/types.h"
#include "../kernel/verifier.bpf.h"

/* How a program has the vCPU. */
enum given {
	TYPED,   /* by a pointer that the verifier knows */
	ADDRESS, /* as a number */
};

static __always_inline int vcpu_id_of(struct kvm_vcpu *vcpu, enum given given)
{
	return given == TYPED ? vcpu->vcpu_id : BPF_CORE_READ(vcpu, vcpu_id);
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
static __always_inline struct vmexit_account *vcpu_for_exit(struct kvm_vcpu *vcpu, enum given given)
{
	struct vmexit_account *account = vcpu_lookup(vcpu);

	if (account)
		return account;
	if (is_left_out(vcpu_id_of(vcpu, given)))
		return NULL;
	return account_at_plus_one(vcpu_claim(vcpu, vcpu_id_of(vcpu, given)));
}

/* The account of a vCPU that is entered; NULL if it has none. */
static __always_inline struct vmexit_account *vcpu_for_entry(struct kvm_vcpu *vcpu, enum given given)
{
	struct vmexit_account *account = vcpu_lookup(vcpu);

	if (account)
		return account;
	if (filters() && vcpu && is_left_out(vcpu_id_of(vcpu, given)))
		return NULL;
	return vcpu_search(vcpu);
}

/* Ends the span from a vCPU's exit to this entry. */
static __always_inline int vcpu_entered(struct kvm_vcpu *vcpu, enum given given, enum purpose purpose)
{
	struct vmexit_account *account = vcpu_for_entry(vcpu, given);

	if (account)
		span_end(account, &account->exit, purpose);
	return 0;
}

#endif
