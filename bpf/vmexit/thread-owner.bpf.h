/*
 * Records of threads, where a program has no address of a vCPU.
 */
#ifndef VMEXIT_THREAD_OWNER_BPF_H
#define VMEXIT_THREAD_OWNER_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "accounts.bpf.h"

/*
 * Records of threads. A thread mostly runs one vCPU; its record is found by the thread alone: tgid << 32 |
 * tid. Others that it runs have records of their own, at the same places: all owners with the same low half
 * are of one thread.
 */
static __always_inline __u64 owner_of_other(__u64 thread, __u32 vcpu_id)
{
	return thread ^ (__u64)(vcpu_id + 1) << 32;
}

/* There is a record at each place: see peek_index(). */
#define FOR_EACH_OF_THREAD(record, tid, i) \
	for (i = 0; i < VMEXIT_PROBES && (record = record_at(place_of(tid, i))); i++) \
		if ((__u32)record->owner == tid)

/* The thread's later events are of `owner`'s vCPU, until another's exit. Global, so that it is walked once.
 */
__noinline int exits_last(__u64 owner)
{
	__u32 tid = owner, i;
	struct vmexit_record *record;

	FOR_EACH_OF_THREAD(record, tid, i)
	{
		record->flags |= VMEXIT_SHARED;
		record->last = record->owner == owner;
	}
	return 0;
}

/* A record that exits, if it is to be counted. */
static __noinline struct vmexit_record *special_record(struct vmexit_record *record)
{
	if (record->flags & VMEXIT_SHARED)
		exits_last(record->owner);
	return record->flags & VMEXIT_SKIPPED ? NULL : record;
}

/* Global, so that it is walked once. */
__noinline int seek_thread(__u64 owner, int vcpu_id)
{
	int index = seek_index(owner, vcpu_id);

	if (!index)
		lose(owner == bpf_get_current_pid_tgid() ? &health.records_full : &health.threads_full,
		     vcpu_id);
	return index;
}

/* The record of a vCPU that exits and isn't found at once, or isn't the thread's first; NULL if it isn't
 * traced. */
static __noinline struct vmexit_record *seek_of_thread(__u64 thread, int vcpu_id)
{
	struct vmexit_record *record = record_found(seek_thread(thread, vcpu_id));

	if (record && record->vcpu_id != vcpu_id) {
		record = record_found(seek_thread(owner_of_other(thread, vcpu_id), vcpu_id));
		if (record)
			record->flags |= VMEXIT_SHARED;
	}
	return record ? special_record(record) : NULL;
}

static __noinline struct vmexit_record *peek_last(__u32 tid)
{
	__u32 i;
	struct vmexit_record *record;

	FOR_EACH_OF_THREAD(record, tid, i)
	{
		if (!(record->flags & VMEXIT_SHARED) || record->last)
			return record;
	}
	return NULL;
}

/* The record of a thread's vCPU that is entered, where it runs several. */
static __noinline struct vmexit_record *entering(__u32 tid, int vcpu_id)
{
	__u32 i;
	struct vmexit_record *record;

	FOR_EACH_OF_THREAD(record, tid, i)
	{
		if (vcpu_id < 0 ? record->last : record->vcpu_id == vcpu_id)
			return record;
	}
	return NULL;
}

/* The record of the vCPU that exited last on this thread. */
static __always_inline struct vmexit_record *thread_record(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct vmexit_record *record = record_at(place_of(tid, 0));

	if (record && (__u32)record->owner == tid && !(record->flags & VMEXIT_SHARED))
		return record;
	return peek_last(tid);
}

#endif
