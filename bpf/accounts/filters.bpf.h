/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which vCPUs are traced: those of the wanted processes, with the wanted ids. Others take no account. What
 * includes this has before it: config with filter_pids and filter_vcpus; maps called pids, vcpu_ids,
 * left_out.
 */
#ifndef ACCOUNTS_FILTERS_BPF_H
#define ACCOUNTS_FILTERS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../contract/vmexit.h"

/* Fibonacci hashing: of ids that mostly follow each other, none have the same place. */
static __always_inline __u32 filter_place(__u32 id)
{
	return id * 2654435769u >> (32 - VMEXIT_LEFT_OUT_LOG2);
}

static __always_inline int filters(void)
{
	return config.filter_pids || config.filter_vcpus;
}

/*
 * Whether the filters, of which there are some, leave out a vCPU of a process. They give the same answer for
 * the same (tgid, vCPU id) as long as the programs run: each exclusion is remembered at one place, and never
 * has to be forgotten. 0, which no vCPU has, is an empty place.
 */
static __always_inline int is_left_out_of(__u32 tgid, int vcpu_id)
{
	__u32 id = vcpu_id, place = filter_place(tgid + id);
	__u64 both = (__u64)tgid << 32 | id, *remembered = bpf_map_lookup_elem(&left_out, &place);

	if (remembered && *remembered == both)
		return 1;
	if ((!config.filter_pids || bpf_map_lookup_elem(&pids, &tgid)) &&
	    (!config.filter_vcpus || bpf_map_lookup_elem(&vcpu_ids, &id)))
		return 0;
	if (remembered)
		*remembered = both;
	return 1;
}

/* Whether they leave out a vCPU of the current process. */
static __always_inline int is_left_out(int vcpu_id)
{
	return filters() && is_left_out_of(bpf_get_current_pid_tgid() >> 32, vcpu_id);
}

#endif
