/* Histograms of handling times: one for each slot, taken from the pool when the slot is. */
#ifndef VMEXIT_HISTOGRAM_BPF_H
#define VMEXIT_HISTOGRAM_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../accounts/buckets.bpf.h"
#include "maps.bpf.h"

/* Gives the slot at `at` a histogram of the pool. */
static __always_inline void histogram_claim(struct vmexit_account *account, __u32 at)
{
	__u32 index;

	if (config.histograms && !bpf_map_pop_elem(&free_histograms, &index))
		account->histograms[at] = index + 1;
}

static __always_inline void histogram_add(const struct vmexit_account *account, __u64 at, __u64 ns)
{
	__u32 index = account->histograms[at] - 1, bucket = bucket_of(ns);
	struct vmexit_histogram *histogram = bpf_map_lookup_elem(&histograms, &index);

	if (!histogram)
		__sync_fetch_and_add(&losses.histograms_full, 1);
	else if (bucket < VMEXIT_BUCKETS)
		histogram->buckets[bucket]++;
}

#endif
