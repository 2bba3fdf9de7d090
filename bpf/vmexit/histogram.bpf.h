/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Histograms of handling times: one for each slot, taken from the pool when the slot is. */
#ifndef VMEXIT_HISTOGRAM_BPF_H
#define VMEXIT_HISTOGRAM_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../accounts/buckets.bpf.h"
#include "maps.bpf.h"

/* Index + 1 of a histogram of the pool, for a slot; 0 if none is wanted or left. */
static __always_inline __u32 histogram_from_pool(void)
{
	__u32 index;

	return config.histograms && !bpf_map_pop_elem(&free_histograms, &index) ? index + 1 : 0;
}

static __always_inline void histogram_add(__u32 index_plus_one, __u64 ns)
{
	__u32 index = index_plus_one - 1, bucket = bucket_of(ns);
	struct vmexit_histogram *histogram = bpf_map_lookup_elem(&histograms, &index);

	if (!histogram)
		__sync_fetch_and_add(&losses.histograms_full, 1);
	else if (bucket < VMEXIT_BUCKETS)
		histogram->buckets[bucket]++;
}

#endif
