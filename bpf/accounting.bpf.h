/*
 * The accounting that every program shares: finding a vCPU's record, counting its exits and closing its
 * intervals.
 */
#ifndef ACCOUNTING_BPF_H
#define ACCOUNTING_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "vmexit.h"

const volatile struct vmexit_config config SEC(".rodata.config");

struct vmexit_health health SEC(".bss.health");

/* max_entries is config.record_mask + 1, set by the addon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vmexit_record);
} records SEC(".maps");

/*
 * Which records are taken. An insertion with BPF_NOEXIST succeeds for one CPU only: compare-and-exchange for
 * kernels before 5.12, which have none.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} claims SEC(".maps");

/* The processes to trace, if config.filter_pids. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VMEXIT_MAX_PIDS);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps");

static __always_inline struct vmexit_record *record_at(__u32 index)
{
	return bpf_map_lookup_elem(&records, &index);
}

/* Fibonacci hashing: the multiplier is 2^32 divided by the golden ratio. */
static __always_inline __u32 home_of(__u32 id)
{
	return id * 2654435769u >> config.record_shift;
}

static __always_inline int traced(__u32 tgid)
{
	return !config.filter_pids || bpf_map_lookup_elem(&pids, &tgid);
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
	record->skip = !traced(pid_tgid >> 32);
}

/* The record of `owner`, which isn't at its home: further on, or nowhere. */
static __noinline struct vmexit_record *peek_record(__u64 owner, __u32 home)
{
	struct vmexit_record *record;
	__u32 i;

	for (i = 0; i < VMEXIT_PROBES; i++) {
		record = record_at((home + i) & config.record_mask);
		if (record && record->owner == owner)
			return record;
	}
	return NULL;
}

/*
 * The record of `owner`, which isn't at its home: further on, or a free one which becomes its own. NULL if
 * there is none, and the exit is counted as lost.
 */
static __noinline struct vmexit_record *seek_record(__u64 owner, __u32 home, int vcpu_id)
{
	struct vmexit_record *record = peek_record(owner, home);
	__u8 taken = 1;
	__u32 i, index;

	if (record)
		return record;
	for (i = 0; i < VMEXIT_PROBES; i++) {
		index = (home + i) & config.record_mask;
		record = record_at(index);
		if (!record || record->state != VMEXIT_FREE ||
		    bpf_map_update_elem(&claims, &index, &taken, BPF_NOEXIST))
			continue;
		describe(record, vcpu_id);
		record->owner = owner;
		record->state = VMEXIT_LIVE;
		return record;
	}
	if (traced(bpf_get_current_pid_tgid() >> 32))
		__sync_fetch_and_add(&health.records_full, 1);
	return NULL;
}

static __always_inline struct vmexit_record *find_record(__u64 owner, __u32 home)
{
	struct vmexit_record *record = record_at(home);

	return record && record->owner == owner ? record : NULL;
}

/* The vCPU or thread `owner` is gone: its record is the reader's, and an owner at the same address starts
 * afresh. */
static __always_inline void end_record(__u64 owner, __u32 home)
{
	struct vmexit_record *record;
	__u32 i;

	for (i = 0; i < VMEXIT_PROBES; i++) {
		record = record_at((home + i) & config.record_mask);
		if (!record || record->owner != owner)
			continue;
		record->owner = 0;
		record->state = VMEXIT_ENDED;
		return;
	}
}

/* The slot of `key`, which isn't where it hashes to: further on, or a free one which becomes its own. */
static __noinline struct vmexit_slot *seek_slot(struct vmexit_record *record, __u64 key, __u32 home)
{
	struct vmexit_slot *slot;
	__u32 i;

	for (i = 0; i < VMEXIT_SLOTS; i++) {
		slot = &record->slots[(home + i) % VMEXIT_SLOTS];
		if (!slot->key)
			slot->key = key;
		if (slot->key == key)
			return slot;
	}
	__sync_fetch_and_add(&health.slots_full, 1);
	return NULL;
}

/* Reasons are dense in their low bits, and 27 brings the level's bit down to where it sets L1 and L2 apart.
 */
static __always_inline struct vmexit_slot *slot_of(struct vmexit_record *record, __u64 key)
{
	__u32 home = (__u32)key ^ (__u32)(key >> 27);
	struct vmexit_slot *slot;

	/* The bound last, and in plain sight: the compiler would apply it to both halves, where the verifier
	 * loses it. */
	asm volatile("%0 &= %1" : "+r"(home) : "i"(VMEXIT_SLOTS - 1));
	slot = &record->slots[home];
	return slot->key == key ? slot : seek_slot(record, key, home);
}

static __always_inline void count_exit(struct vmexit_record *record, __u64 key)
{
	struct vmexit_slot *slot = slot_of(record, key);

	if (slot)
		slot->count++;
}

/*
 * An exit whose key may still change, or whose entry is awaited: it is counted when the interval closes. One
 * that the thread's next exit finds here never had its entry.
 */
static __always_inline void open_interval(struct vmexit_record *record, __u64 key)
{
	if (record->pending)
		count_exit(record, config.timing ? record->pending | VMEXIT_KEY_UNTIMED : record->pending);
	record->pending = key;
	if (config.timing)
		record->exit_ns = bpf_ktime_get_ns();
}

static __always_inline void close_interval(struct vmexit_record *record)
{
	__u64 key = record->pending, ns = bpf_ktime_get_ns() - record->exit_ns;
	struct vmexit_slot *slot;

	if (!key)
		return;
	record->pending = 0;
	slot = slot_of(record, key);
	if (!slot)
		return;
	slot->count++;
	slot->total_ns += ns;
	if (ns > slot->max_ns)
		slot->max_ns = ns;
}

#endif
