/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Owners that are vCPUs, for programs that have the vCPU: the owner is its address. */
#ifndef ACCOUNTS_VCPU_OWNER_BPF_H
#define ACCOUNTS_VCPU_OWNER_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../kernel/types.h"
#include "../kernel/verifier.bpf.h"
#include "accounts.bpf.h"

/* An argument as a number, which global functions can be given, and for arithmetic that the verifier doesn't
 * allow on pointers. It takes some 80 instructions. */
static __always_inline __u64 number_of(const void *pointer)
{
	__u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

static __always_inline __u64 vcpu_owner(struct kvm_vcpu *vcpu)
{
	return number_of(vcpu);
}

/* The address of the vCPU that a notifier is part of. KVM has it told when the thread that runs the vCPU
 * loses its CPU, and when it gets one. */
static __always_inline __u64 owner_of_notifier(__u64 notifier)
{
	return notifier - bpf_core_field_offset(struct kvm_vcpu, preempt_notifier);
}

static __always_inline struct ACCOUNT *vcpu_lookup(struct kvm_vcpu *vcpu)
{
	return account_lookup((__u64)vcpu, low_half(vcpu));
}

static __always_inline struct ACCOUNT *vcpu_search(struct kvm_vcpu *vcpu)
{
	return account_at_plus_one(account_search(vcpu_owner(vcpu)));
}

/* The account of a vCPU by its address, if it has one. */
static __always_inline struct ACCOUNT *vcpu_known(__u64 owner)
{
	struct ACCOUNT *account = account_lookup(owner, owner);

	return account ? account : account_at_plus_one(account_search(owner));
}

#endif
