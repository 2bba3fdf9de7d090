/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A span: from an event that begins it, through events that amend its key, to the event that ends it. Its
 * count and time are filed in the account's slot of its key. The one span is from an exit to its entry.
 */
#ifndef VMEXIT_SPAN_BPF_H
#define VMEXIT_SPAN_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "detail.bpf.h"
#include "details.bpf.h"
#include "histogram.bpf.h"
#include "maps.bpf.h"
#include "slots.bpf.h"
#include "slow.bpf.h"

/* What handling times are measured for. */
enum purpose {
	TIME,
	HISTOGRAM,
	SLOW,
};

/* Begins a span whose reason is told last: span_reason(). `key` has the rest. */
static __always_inline void span_flags(struct vmexit_span *span, __u64 key)
{
	span->flags = key >> 32;
}

static __always_inline void span_reason(struct vmexit_span *span, __u32 reason)
{
	span->reason = reason;
	span->begin_ns = bpf_ktime_get_ns();
}

static __always_inline void span_begin(struct vmexit_span *span, __u64 key, int timing)
{
	span->key = key;
	if (timing)
		span->begin_ns = bpf_ktime_get_ns();
}

/* Leaves the time from `from_ns` on out of the span, if one is open. */
static __always_inline void span_leave_out(struct vmexit_span *span, __u64 from_ns)
{
	if (span->key)
		span->begin_ns += bpf_ktime_get_ns() - from_ns;
}

/* Adds bits to the key of the span, if one is open. */
static __always_inline void span_amend(struct vmexit_span *span, __u64 bits)
{
	if (span->key)
		span->key |= bits;
}

/*
 * Where a span is counted: with its detail if it has one, and else, or if that has no place, by its key
 * alone. So the details of a reason and its other slots sum to the reason. `histogram`: index + 1 of the
 * slot's.
 */
static __always_inline struct vmexit_slot *span_slot(struct vmexit_account *account, __u64 key, __u64 detail,
						     __u32 *histogram)
{
	struct vmexit_detail_slot *detailed;
	struct vmexit_slot *slot;
	__u64 at;

	if (DETAILS && key & VMEXIT_KEY_DETAIL) {
		detailed = detail_slot_of(account, key, detail);
		if (detailed) {
			*histogram = detailed->histogram;
			return &detailed->slot;
		}
		key ^= VMEXIT_KEY_DETAIL | VMEXIT_KEY_NO_PLACE;
	}
	slot = slot_of(account, key, &at);
	if (slot)
		*histogram = account->histograms[at];
	return slot;
}

OUT_OF_LINE int span_count_unfinished(struct vmexit_account *account, __u64 key, __u64 detail)
{
	struct vmexit_slot *slot;
	__u32 histogram;

	slot = span_slot(account, key, detail, &histogram);
	if (slot)
		slot->count++;
	return 0;
}

/* Counts a span that the next one's begin finds open: nothing ended it, so that it has no time. */
static __always_inline void span_file_unfinished(struct vmexit_account *account, struct vmexit_span *span,
						 int timing)
{
	if (span->key && !config.slow)
		span_count_unfinished(account, timing ? span->key | VMEXIT_KEY_UNTIMED : span->key,
				      span->detail);
}

static __always_inline void span_end(struct vmexit_account *account, struct vmexit_span *span,
				     enum purpose purpose)
{
	__u64 key = span->key, ns = bpf_ktime_get_ns() - span->begin_ns;
	struct vmexit_slot *slot;
	__u32 histogram = 0;

	if (!key)
		return;
	/* Else the compiler keeps both times, and has no register left for the detail. */
	if (DETAILS)
		barrier_var(ns);
	span->key = 0;
	if (purpose == SLOW) {
		if (ns >= config.slow_ns)
			slow_report(account, key, ns);
		return;
	}
	slot = span_slot(account, key, span->detail, &histogram);
	if (!slot)
		return;
	slot->count++;
	slot->total_ns += ns;
	if (ns > slot->max_ns)
		slot->max_ns = ns;
	if (purpose == HISTOGRAM)
		histogram_add(histogram, ns);
}

#endif
