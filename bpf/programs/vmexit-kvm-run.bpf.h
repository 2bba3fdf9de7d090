/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* record_*: programs on classic tracepoints, and on entries without their payload where that tells no more,
 * that count returns of KVM_RUN to the VMM. */
#ifndef PROGRAMS_VMEXIT_KVM_RUN_BPF_H
#define PROGRAMS_VMEXIT_KVM_RUN_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../vmexit/kvm-run.bpf.h"
#include "../vmexit/span.bpf.h"
#include "../vmexit/thread-owner.bpf.h"
#include "../kernel/fields.bpf.h"

SEC("tp/kvm/kvm_userspace_exit")
int record_run_return(const void *payload)
{
	struct vmexit_account *account = thread_for_return();

	if (!account)
		return PASS_ON;
	run_returned(account, field_u32(payload, FIELD_RUN_REASON), field_u32(payload, FIELD_RUN_ERRNO),
		     ARCH_TELLS_RUN_PAGE ? account->run_page : 0);
	if (DETAILS)
		run_take_told(account);
	return PASS_ON;
}

/* The first entry of a KVM_RUN finds the span open; the others find none. */
static __always_inline int thread_runs(int vcpu_id)
{
	struct vmexit_account *account = thread_for_run(vcpu_id);

	if (!account)
		return PASS_ON;
	span_end(account, &account->exit, config.histograms ? HISTOGRAM : TIME);
	if (DETAILS)
		account->rip = 0;
	if (DETAILS && ARCH_TELLS_RUN_PAGE)
		account->run_page = ARCH_RUN_PAGE;
	return PASS_ON;
}

SEC("tp/kvm/kvm_entry")
int record_run(const void *payload)
{
	return thread_runs(field_u32(payload, FIELD_ENTRY_VCPU_ID));
}

SEC("raw_tp/kvm_entry")
int record_raw_run(const struct bpf_raw_tracepoint_args *context)
{
	return thread_runs(given_vcpu_id(context));
}

#if DETAILS

/* KVM_TRACE_MMIO_READ, include/trace/events/kvm.h, of a read that KVM_RUN goes on with: the VMM has answered.
 */
#define MMIO_READ 1
#define MMIO_WRITE 2

SEC("tp/kvm/kvm_mmio")
int record_run_detail_mmio(const void *payload)
{
	struct vmexit_account *account = thread_last();
	__u32 type = field_u32(payload, FIELD_MMIO_TYPE);

	if (account && !account->exit.key && type != MMIO_READ)
		run_told(account, RUN_MMIO,
			 run_mmio(field_u64(payload, FIELD_MMIO_ADDRESS), type == MMIO_WRITE));
	return PASS_ON;
}

#ifdef __TARGET_ARCH_x86

/* A read is told when the VMM has answered it. */
SEC("tp/kvm/kvm_pio")
int record_run_detail_pio(const void *payload)
{
	struct vmexit_account *account = thread_last();

	if (account && !account->exit.key && field_u32(payload, FIELD_PIO_IS_OUT))
		run_told(account, RUN_IO,
			 run_port(field_u32(payload, FIELD_PIO_PORT), field_u32(payload, FIELD_PIO_SIZE), 1,
				  field_u32(payload, FIELD_PIO_COUNT) > 1));
	return PASS_ON;
}

#endif

#endif

#endif
