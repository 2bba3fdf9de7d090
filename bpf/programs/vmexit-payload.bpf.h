/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * record_*: programs on classic tracepoints, anywhere. They read the tracepoint's payload, which has neither
 * the vCPU's address nor its level: an account belongs to a thread, and kvm_nested_vmexit marks exits from
 * L2. Of entries no more than the vCPU's number is wanted, which the raw tracepoint mostly tells.
 */
#ifndef PROGRAMS_VMEXIT_PAYLOAD_BPF_H
#define PROGRAMS_VMEXIT_PAYLOAD_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../vmexit/span.bpf.h"
#include "../vmexit/thread-owner.bpf.h"
#include "../arch/arch.bpf.h"
#ifdef __TARGET_ARCH_x86
#include "../arch/x86-payload-detail.bpf.h"
#endif
#include "../kernel/fields.bpf.h"

SEC("tp/kvm/kvm_exit")
int record_exit(const void *payload)
{
	__u64 isa = payload_isa(payload) & VMEXIT_KEY_ISA_MASK, bits = 0;
	__u32 reason = payload_reason(payload);
	struct vmexit_account *account =
	    thread_for_exit(bpf_get_current_pid_tgid(), field_u32(payload, FIELD_EXIT_VCPU_ID));

	if (!account)
		return PASS_ON;
	span_file_unfinished(account, &account->exit, config.timing);
	if (DETAILS) {
		bits = payload_detail(payload, isa, reason, account);
		account->rip = field_u64(payload, FIELD_EXIT_RIP);
	}
	span_begin(&account->exit, key_of(isa, reason) | bits, config.timing);
	return PASS_ON;
}

#if DETAILS

/* An event that tells the detail of the exit that is open, by `tell`. The addon knows these programs by how
 * their names begin. */
#define RECORD_DETAIL(event, name, tell) \
	SEC("tp/kvm/" #event) int record_detail_##name(const void *payload) \
	{ \
		struct vmexit_account *account = thread_last(); \
		struct vmexit_span *span; \
\
		if (!account) \
			return PASS_ON; \
		span = &account->exit; \
		tell; \
		return PASS_ON; \
	}

ARCH_DETAIL_EVENTS(RECORD_DETAIL)

#endif

SEC("tp/kvm/kvm_nested_vmexit")
int record_nested_exit(const void *payload)
{
	struct vmexit_account *account = thread_last();

	if (account)
		span_amend(&account->exit, VMEXIT_KEY_L2);
	return PASS_ON;
}

/* L0 makes L1 see an exit of L2: the one that came from there, or an interrupt's found while it was handled.
 * Without an exit from L2 it is L0 that refused to enter it. */
SEC("tp/kvm/kvm_nested_vmexit_inject")
int record_reflected(const void *payload)
{
	struct vmexit_account *account = thread_last();

	if (account && account->exit.key & VMEXIT_KEY_L2)
		span_amend(&account->exit, VMEXIT_KEY_REFLECTED);
	return PASS_ON;
}

static __always_inline int thread_entered(int vcpu_id)
{
	struct vmexit_account *account = thread_for_entry(bpf_get_current_pid_tgid(), vcpu_id);

	if (account)
		span_end(account, &account->exit, config.slow ? SLOW : config.histograms ? HISTOGRAM : TIME);
	return PASS_ON;
}

SEC("tp/kvm/kvm_entry")
int record_entry(const void *payload)
{
	return thread_entered(field_u32(payload, FIELD_ENTRY_VCPU_ID));
}

/* The same without the payload, which costs more than all that is done here. */
SEC("raw_tp/kvm_entry")
int record_raw_entry(const struct bpf_raw_tracepoint_args *context)
{
	return thread_entered(given_vcpu_id(context));
}

SEC("tp/sched/sched_process_exit")
int record_thread_end(const void *payload)
{
	__u32 tid = bpf_get_current_pid_tgid(), i;
	struct vmexit_account *account;

	FOR_EACH_OF_THREAD(account, tid, i)
	{
		account_release(account);
	}
	return PASS_ON;
}

#endif
