/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Slow exits: one event for each, in the ring. */
#ifndef VMEXIT_SLOW_BPF_H
#define VMEXIT_SLOW_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../kernel/verifier.bpf.h"
#include "maps.bpf.h"

OUT_OF_LINE int slow_is_wanted(__u32 reason)
{
	if (config.reasons == VMEXIT_REASONS_ALL)
		return 1;
	return !!bpf_map_lookup_elem(&reasons, &reason) == (config.reasons == VMEXIT_REASONS_ONLY);
}

/* Reports an exit to the reader. The reader polls: waking it would cost the guest more than the report. */
OUT_OF_LINE int slow_report(const struct vmexit_account *account, __u64 key, __u64 ns)
{
	struct vmexit_event *event;

	if (!slow_is_wanted(key))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&losses.events_dropped, 1);
		return 0;
	}
	event->key = key;
	event->ns = ns;
	event->entry_ns = account->exit.begin_ns + ns;
	event->start_ns = account->start_ns;
	event->rip = account->rip;
	event->detail = account->exit.detail;
	event->tgid = account->tgid;
	event->tid = account->tid;
	event->vcpu_id = account->vcpu_id;
	event->reserved = 0;
	__builtin_memcpy(event->comm, account->comm, VMEXIT_COMM);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
