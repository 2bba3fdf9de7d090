/*
 * A span: from an event that begins it, through events that amend its key, to the event that ends it. Its
 * count and time are filed in the account's slot of its key. The one span is from an exit to its entry.
 */
#ifndef VMEXIT_SPAN_BPF_H
#define VMEXIT_SPAN_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
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

static __always_inline void span_begin(struct vmexit_span *span, __u64 key, int timing)
{
	span->key = key;
	if (timing)
		span->begin_ns = bpf_ktime_get_ns();
}

/* Adds bits to the key of the span, if one is open. */
static __always_inline void span_amend(struct vmexit_span *span, __u64 bits)
{
	if (span->key)
		span->key |= bits;
}

/* Counts a span that the next one's begin finds open: nothing ended it, so that it has no time. */
static __always_inline void span_file_unfinished(struct vmexit_account *account, struct vmexit_span *span,
						 int timing)
{
	if (span->key && !config.slow)
		slot_count(account, timing ? span->key | VMEXIT_KEY_UNTIMED : span->key);
}

static __always_inline void span_end(struct vmexit_account *account, struct vmexit_span *span,
				     enum purpose purpose)
{
	__u64 key = span->key, ns = bpf_ktime_get_ns() - span->begin_ns;
	struct vmexit_slot *slot;
	__u64 at;

	if (!key)
		return;
	span->key = 0;
	if (purpose == SLOW) {
		if (ns >= config.slow_ns)
			slow_report(account, key, ns);
		return;
	}
	slot = slot_of(account, key, &at);
	if (!slot)
		return;
	slot->count++;
	slot->total_ns += ns;
	if (ns > slot->max_ns)
		slot->max_ns = ns;
	if (purpose == HISTOGRAM)
		histogram_add(account, at, ns);
}

#endif
