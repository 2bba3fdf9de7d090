/* Which vCPUs are traced: those of the wanted processes, with the wanted ids. Others take no account. */
#ifndef VMEXIT_FILTERS_BPF_H
#define VMEXIT_FILTERS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "maps.bpf.h"

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
 * Whether the filters leave out a vCPU of the current process. They give the same answer for the same (tgid,
 * vCPU id) as long as the programs run: each exclusion is remembered at one place, and never has to be
 * forgotten. 0, which no vCPU has, is an empty place.
 */
static __always_inline int is_left_out(int vcpu_id)
{
	__u32 tgid, id = vcpu_id, place;
	__u64 both, *remembered;

	if (!filters())
		return 0;
	tgid = bpf_get_current_pid_tgid() >> 32;
	both = (__u64)tgid << 32 | id;
	place = filter_place(tgid + id);
	remembered = bpf_map_lookup_elem(&left_out, &place);
	if (remembered && *remembered == both)
		return 1;
	if ((!config.filter_pids || bpf_map_lookup_elem(&pids, &tgid)) &&
	    (!config.filter_vcpus || bpf_map_lookup_elem(&vcpu_ids, &id)))
		return 0;
	if (remembered)
		*remembered = both;
	return 1;
}

#endif
