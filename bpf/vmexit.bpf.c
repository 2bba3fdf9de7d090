/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counts and times VM exits, and returns of KVM_RUN: programs in three ways to attach, directly, to raw
 * tracepoints that are told the reason, and by payload. The addon loads those that fit the kernel.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "vmexit/maps.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline __u64 key_of(__u64 isa, __u32 reason)
{
	return VMEXIT_KEY_TAKEN | isa << VMEXIT_KEY_ISA_SHIFT | reason;
}

#ifdef __TARGET_ARCH_x86
#include "programs/vmexit-direct.bpf.h"
#include "programs/vmexit-raw.bpf.h"
#endif
#include "programs/vmexit-payload.bpf.h"
#include "programs/vmexit-kvm-run.bpf.h"

#define HISTOGRAMS (DETAILS ? VMEXIT_HISTOGRAMS_BY_DETAIL : VMEXIT_HISTOGRAMS_PER_VCPU)

/* Makes one vCPU's share of histograms and of tables free; the argument is its number. Run by the addon: a
 * system call for each histogram took a tenth of a start. */
SEC("raw_tp")
int fill_pool(const struct bpf_raw_tracepoint_args *context)
{
	__u32 vcpu = context->args[0], index, i;

	for (i = 0; config.histograms && i < HISTOGRAMS; i++) {
		index = vcpu * HISTOGRAMS + i;
		if (bpf_map_push_elem(&free_histograms, &index, BPF_ANY))
			return 1;
	}
	return DETAILS && bpf_map_push_elem(&free_details, &vcpu, BPF_ANY);
}
