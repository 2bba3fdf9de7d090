/*
 * From an exit to its entry.
 */
#ifndef VMEXIT_SPAN_BPF_H
#define VMEXIT_SPAN_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "histogram.bpf.h"
#include "maps.bpf.h"
#include "slots.bpf.h"
#include "slow.bpf.h"

/* What a program closes intervals for. */
enum purpose {
	TIME,
	HISTOGRAM,
	SLOW,
};

/*
 * An exit whose key may still change, or whose entry is awaited: it is counted when the interval closes. One
 * that the thread's next exit finds here never had its entry.
 */
static __always_inline void open_interval(struct vmexit_record *record, __u64 key, int timing)
{
	if (record->pending && !config.slow)
		count_exit(record, timing ? record->pending | VMEXIT_KEY_UNTIMED : record->pending);
	record->pending = key;
	if (timing)
		record->exit_ns = bpf_ktime_get_ns();
}

static __always_inline void close_interval(struct vmexit_record *record, enum purpose purpose)
{
	__u64 key = record->pending, ns = bpf_ktime_get_ns() - record->exit_ns;
	struct vmexit_slot *slot;
	__u64 at;

	if (!key)
		return;
	record->pending = 0;
	if (purpose == SLOW) {
		if (ns >= config.slow_ns)
			report(record, key, ns);
		return;
	}
	slot = slot_of(record, key, &at);
	if (!slot)
		return;
	slot->count++;
	slot->total_ns += ns;
	if (ns > slot->max_ns)
		slot->max_ns = ns;
	if (purpose == HISTOGRAM)
		add_to_histogram(record, at, ns);
}

static __always_inline __u64 key_of(__u64 isa, __u32 reason)
{
	return VMEXIT_KEY_TAKEN | isa << VMEXIT_KEY_ISA_SHIFT | reason;
}

static __always_inline int direct_exit(struct vmexit_record *record, __u64 key, int timing)
{
	if (timing)
		open_interval(record, key, timing);
	else
		count_exit(record, key);
	return 0;
}

#endif
