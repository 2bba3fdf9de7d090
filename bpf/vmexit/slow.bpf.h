/*
 * Slow exits, one by one into a ring.
 */
#ifndef VMEXIT_SLOW_BPF_H
#define VMEXIT_SLOW_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "maps.bpf.h"

static __noinline int reported(__u32 reason)
{
	if (config.reasons == VMEXIT_REASONS_ALL)
		return 1;
	return !!bpf_map_lookup_elem(&reasons, &reason) == (config.reasons == VMEXIT_REASONS_ONLY);
}

/* Tells the reader of a slow exit. It polls: waking it would cost the guest more than the report. */
static __noinline int report(const struct vmexit_record *record, __u64 key, __u64 ns)
{
	struct vmexit_event *event;

	if (!reported(key))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&health.events_dropped, 1);
		return 0;
	}
	event->key = key;
	event->ns = ns;
	event->entry_ns = record->exit_ns + ns;
	event->start_ns = record->start_ns;
	event->rip = record->rip;
	event->info1 = record->info1;
	event->info2 = record->info2;
	event->fault_address = record->fault_address;
	event->fault_error = record->fault_error;
	event->msr = record->msr;
	event->told = record->told;
	event->tgid = record->tgid;
	event->tid = record->tid;
	event->vcpu_id = record->vcpu_id;
	event->reserved = 0;
	__builtin_memcpy(event->comm, record->comm, VMEXIT_COMM);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
