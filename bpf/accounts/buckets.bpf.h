/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The buckets of histograms of times. */
#ifndef ACCOUNTS_BUCKETS_BPF_H
#define ACCOUNTS_BUCKETS_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "../contract/vmexit.h"
#include "../kernel/verifier.bpf.h"

/* By the preprocessor, for a table: 0 to 3 are buckets of their own; then come four for each power of two. */
#define LOG2(n) (31 - __builtin_clz((n) | 4))
#define BUCKET(n) ((__u8)(((n) < 4 ? (n) : (LOG2(n) - 1) * 4 + ((n) >> (LOG2(n) - 2) & 3))))
#define BUCKETS_4(n) BUCKET(n), BUCKET((n) + 1), BUCKET((n) + 2), BUCKET((n) + 3)
#define BUCKETS_16(n) BUCKETS_4(n), BUCKETS_4((n) + 4), BUCKETS_4((n) + 8), BUCKETS_4((n) + 12)
#define BUCKETS_64(n) BUCKETS_16(n), BUCKETS_16((n) + 16), BUCKETS_16((n) + 32), BUCKETS_16((n) + 48)

/*
 * The bucket of each number below 2^9. That of a larger one is the bucket of its upper bits, and four more
 * for each bit left out, as long as three are kept: seven may be left out at a time.
 */
#define TABLE_LOG2 9
#define STEP (TABLE_LOG2 - 2)
static const volatile __u8 bucket_table[1 << TABLE_LOG2] SEC(".rodata.buckets") = {
    BUCKETS_64(0),   BUCKETS_64(64),  BUCKETS_64(128), BUCKETS_64(192),
    BUCKETS_64(256), BUCKETS_64(320), BUCKETS_64(384), BUCKETS_64(448),
};

/* From 2^16 ns on. */
OUT_OF_LINE __u32 bucket_of_long(__u64 ns)
{
	__u32 left_out;

	for (left_out = 2 * STEP; left_out + TABLE_LOG2 <= VMEXIT_BUCKETS_END_LOG2; left_out += STEP) {
		__u64 high = ns >> left_out;

		/* Compared itself, so that the verifier knows its bound. */
		barrier_var(high);
		if (high < 1 << TABLE_LOG2)
			return bucket_table[high] + 4 * left_out;
	}
	return VMEXIT_BUCKETS - 1;
}

/* An exit mostly takes 0.5 to 65 us. */
static __always_inline __u32 bucket_of(__u64 ns)
{
	if (ns < 1 << TABLE_LOG2)
		return bucket_table[ns];
	if (ns < 1 << (TABLE_LOG2 + STEP))
		return bucket_table[ns >> STEP] + 4 * STEP;
	return bucket_of_long(ns);
}

#endif
