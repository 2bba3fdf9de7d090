/*
 * Which record is whose: found, claimed at the first exit, released when the owner is gone.
 */
#ifndef VMEXIT_ACCOUNTS_BPF_H
#define VMEXIT_ACCOUNTS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../kernel/types.h"
#include "maps.bpf.h"

static __always_inline struct vmexit_record *record_at(__u32 index)
{
	return bpf_map_lookup_elem(&records, &index);
}

/* The shift leaves as many bits as the most records have, and is a constant: x86's JIT saves registers around
 * a shift by a variable. */
#define HASH(id, multiplier) ((id) * (multiplier) >> (32 - VMEXIT_RECORDS_LOG2))

/*
 * Where an owner's record is looked for in the i-th place, by the low half of the owner: double hashing, so
 * that taken records don't gather. The first place is by Fibonacci hashing (2^32 divided by the golden
 * ratio), the steps to the others by MurmurHash3's multiplier; they are odd, so that they come by all
 * records.
 */
static __always_inline __u32 place_of(__u32 id, __u32 i)
{
	__u32 home = HASH(id, 2654435769u), step = HASH(id, 2246822507u) | 1;

	return (home + i * step) & config.record_mask;
}

static __always_inline int traced(__u32 tgid, __u32 vcpu_id)
{
	return (!config.filter_pids || bpf_map_lookup_elem(&pids, &tgid)) &&
	       (!config.filter_vcpus || bpf_map_lookup_elem(&vcpu_ids, &vcpu_id));
}

static __always_inline void describe(struct vmexit_record *record, int vcpu_id)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	record->tgid = pid_tgid >> 32;
	record->tid = pid_tgid;
	record->vcpu_id = vcpu_id;
	record->start_ns = BPF_CORE_READ(leader, start_boottime);
	BPF_CORE_READ_INTO(&record->comm, leader, comm);
	record->flags = traced(pid_tgid >> 32, vcpu_id) ? 0 : VMEXIT_SKIPPED;
}

/*
 * The record of `owner`, whose low half is `id`, if it is at its first place or where that says. A vCPU
 * mostly has the address of the one that ended last, whose record stays until the reader has it: a VM that is
 * started again would pay for each place that it has to look at for all its life.
 */
static __always_inline struct vmexit_record *find_record(__u64 owner, __u32 id)
{
	struct vmexit_record *record = record_at(place_of(id, 0));

	if (!record || record->owner == owner)
		return record;
	record = record_at(record->elsewhere);
	return record && record->owner == owner ? record : NULL;
}

/*
 * Index + 1 of the record of `owner`, wherever it is; 0 if it has none. Global functions are walked by the
 * verifier once, whoever calls them, but may be given numbers alone.
 */
__noinline int peek_index(__u64 owner)
{
	struct vmexit_record *record;
	__u32 i, index;

	for (i = 0; i < VMEXIT_PROBES; i++) {
		index = place_of(owner, i);
		record = record_at(index);
		/* There is one; going on without would let the verifier walk the rest of the loop twice. */
		if (!record)
			break;
		if (record->owner == owner)
			return index + 1;
	}
	return 0;
}

/* Whether the record was nobody's and is now the caller's. */
__noinline int claim(__u32 index)
{
	struct vmexit_record *record = record_at(index);
	__u8 taken = 1;

	return record && record->state == VMEXIT_FREE &&
	       !bpf_map_update_elem(&claims, &index, &taken, BPF_NOEXIST);
}

/* Gives `owner` a record that nobody has. Index + 1; 0 if there is none. */
static __always_inline int take_record(__u64 owner, int vcpu_id)
{
	struct vmexit_record *record;
	__u32 i, index;

	for (i = 0; i < VMEXIT_PROBES; i++) {
		index = place_of(owner, i);
		if (claim(index))
			goto claimed;
	}
	return 0;

claimed: /* Behind the loop, where the verifier walks it once. */
	record = record_at(index);
	if (!record)
		return 0;
	describe(record, vcpu_id);
	record->owner = owner;
	record->state = VMEXIT_LIVE;
	return index + 1;
}

/* Index + 1 of the record of `owner`, which find_record() doesn't find, its own from now on; 0 if there is
 * none. */
static __always_inline int seek_index(__u64 owner, int vcpu_id)
{
	int index = peek_index(owner);
	struct vmexit_record *first;

	if (!index)
		index = take_record(owner, vcpu_id);
	first = record_at(place_of(owner, 0));
	if (index && first)
		first->elsewhere = index - 1;
	return index;
}

static __always_inline struct vmexit_record *record_found(int index_and_one)
{
	return index_and_one ? record_at(index_and_one - 1) : NULL;
}

/* An exit of a vCPU without a record. */
static __always_inline void lose(__u64 *lost, int vcpu_id)
{
	if (traced(bpf_get_current_pid_tgid() >> 32, vcpu_id))
		__sync_fetch_and_add(lost, 1);
}

/* A record's owner is gone: the record is the reader's, and an owner of the same name starts afresh. */
static __always_inline void end_of(struct vmexit_record *record)
{
	record->owner = 0;
	record->state = VMEXIT_ENDED;
}

#endif
