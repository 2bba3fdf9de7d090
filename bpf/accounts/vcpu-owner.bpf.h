/* Owners that are vCPUs, for programs that have the vCPU: the owner is its address. */
#ifndef ACCOUNTS_VCPU_OWNER_BPF_H
#define ACCOUNTS_VCPU_OWNER_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../kernel/types.h"
#include "../kernel/verifier.bpf.h"
#include "accounts.bpf.h"

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

#endif
