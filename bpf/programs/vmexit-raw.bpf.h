/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * raw_*: programs on raw tracepoints of x86 before Linux 5.16. There kvm_exit's arguments are the reason, the
 * vCPU and the isa, and kvm_entry's is the vCPU; the programs get all as numbers. They need no payload, and
 * BTF of vmlinux alone. An account belongs to a vCPU.
 */
#ifndef PROGRAMS_VMEXIT_RAW_BPF_H
#define PROGRAMS_VMEXIT_RAW_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "../vmexit/span.bpf.h"
#include "../vmexit/vcpu-account.bpf.h"
#include "../arch/x86.bpf.h"
#include "../kernel/types.h"

static __always_inline int raw_exit(const struct bpf_raw_tracepoint_args *context, int timing)
{
	struct kvm_vcpu *vcpu = (void *)context->args[1];
	struct vmexit_account *account = vcpu_for_exit(vcpu, ADDRESS);
	__u64 flags;

	if (!account)
		return 0;
	/* In halves, which takes less than to put the key together. */
	flags = key_of(context->args[2], 0) | runs_l2(vcpu) * VMEXIT_KEY_L2;
	if (!timing) {
		slot_count(account, flags | (__u32)context->args[0]);
		return 0;
	}
	span_file_unfinished(account, &account->exit, timing);
	span_flags(&account->exit, flags);
	span_reason(&account->exit, context->args[0]);
	return 0;
}

/* A program for each use, as those that attach directly have. */
#define RAW(event, name, call) \
	SEC("raw_tp/" #event) int raw_##name(const struct bpf_raw_tracepoint_args *context) \
	{ \
		return call; \
	}
#define RAW_ENTRY(name, purpose) \
	RAW(kvm_entry, entry_##name, vcpu_entered((void *)context->args[0], ADDRESS, purpose))

RAW(kvm_exit, exit_count, raw_exit(context, 0))
RAW(kvm_exit, exit_time, raw_exit(context, 1))
RAW_ENTRY(time, TIME)
RAW_ENTRY(histogram, HISTOGRAM)
RAW_ENTRY(slow, SLOW)

/* KVM_MAX_VCPUS, arch/x86/include/asm/kvm_host.h, is at most this where struct kvm has an array of them. */
#define MOST_VCPUS 1024
#define PLACES (bpf_core_field_size(((struct kvm *)0)->vcpus) / sizeof(__u64))

VERIFIED_ONCE int raw_vcpu_end(__u64 owner)
{
	struct vmexit_account *account = account_at_plus_one(account_search(owner));

	if (account)
		account_release(account);
	return 0;
}

/*
 * The end of a VM's vCPUs: kvm_destroy_vm(), virt/kvm/kvm_main.c, unregisters the VM's notifier before it
 * frees them. This is a function of vmlinux, for modules have none that such programs attach to before 5.11;
 * why not by a kprobe, see direct_vcpu_end. Other notifiers than KVM's lead to numbers that own no account.
 */
SEC("fentry/mmu_notifier_unregister")
int BPF_PROG(raw_vm_end, void *notifier)
{
	__u64 vm = number_of(notifier) - bpf_core_field_offset(struct kvm, mmu_notifier), vcpu;
	__u64 at = vm + bpf_core_field_offset(struct kvm, vcpus);
	__u32 i;

	/* The first ones of the array, up to the number of vCPUs, have an address. */
	for (i = 0; i < MOST_VCPUS && i < PLACES; i++) {
		if (bpf_probe_read_kernel(&vcpu, sizeof(vcpu), (void *)(at + i * sizeof(vcpu))) || !vcpu)
			break;
		raw_vcpu_end(vcpu);
	}
	return 0;
}

#endif
