/*
 * The accounting that every program shares: finding a vCPU's record, counting its exits and closing its
 * intervals.
 */
#ifndef ACCOUNTING_BPF_H
#define ACCOUNTING_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel/types.h"
#include "contract/vmexit.h"

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

/* The vCPU ids to trace, if config.filter_vcpus. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VMEXIT_MAX_VCPU_IDS);
	__type(key, __u32);
	__type(value, __u8);
} vcpu_ids SEC(".maps");

/* The reasons that config.reasons speaks of, as the kernel's 32 bits. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VMEXIT_MAX_REASONS);
	__type(key, __u32);
	__type(value, __u8);
} reasons SEC(".maps");

/* The pool of histograms, and the indices of those that nobody has. Both are one element long if not wanted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vmexit_histogram);
} histograms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_histograms SEC(".maps");

/* Slow exits; a page if not wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

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

/* Gives the slot at `at` a histogram of the pool. */
static __always_inline void take_histogram(struct vmexit_record *record, __u32 at)
{
	__u32 index;

	if (config.histograms && !bpf_map_pop_elem(&free_histograms, &index))
		record->histograms[at] = index + 1;
}

/* Index of the slot of `key`, which isn't where it hashes to: further on, or a free one which becomes its
 * own. VMEXIT_SLOTS if there is none. */
static __noinline __u32 seek_slot(struct vmexit_record *record, __u64 key, __u32 home)
{
	struct vmexit_slot *slot;
	__u32 i, at;

	for (i = 0; i < VMEXIT_SLOTS; i++) {
		at = (home + i) % VMEXIT_SLOTS;
		slot = &record->slots[at];
		if (!slot->key) {
			take_histogram(record, at);
			slot->key = key;
		}
		if (slot->key == key)
			return at;
	}
	__sync_fetch_and_add(&health.slots_full, 1);
	return VMEXIT_SLOTS;
}

/*
 * The slot of `key` and its index, NULL if it has none. Reasons are dense in their low bits, and 27 brings
 * the level's bit down to where it sets L1 and L2 apart.
 */
static __always_inline struct vmexit_slot *slot_of(struct vmexit_record *record, __u64 key, __u64 *at)
{
	__u64 home = key ^ key >> 27;

	/* The bound last, and in plain sight: the compiler would apply it to both halves, where the verifier
	 * loses it. */
	asm volatile("%0 &= %1" : "+r"(home) : "i"(VMEXIT_SLOTS - 1));
	if (record->slots[home].key != key) {
		home = seek_slot(record, key, home);
		if (home >= VMEXIT_SLOTS)
			return NULL;
	}
	*at = home;
	return &record->slots[home];
}

static __always_inline void count_exit(struct vmexit_record *record, __u64 key)
{
	__u64 at;
	struct vmexit_slot *slot = slot_of(record, key, &at);

	if (slot)
		slot->count++;
}

/* 0 to 3 are buckets of their own; then come four for each power of two. */
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
static __noinline __u32 bucket_of_long(__u64 ns)
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

static __always_inline void add_to_histogram(const struct vmexit_record *record, __u64 at, __u64 ns)
{
	__u32 index = record->histograms[at] - 1, bucket = bucket_of(ns);
	struct vmexit_histogram *histogram = bpf_map_lookup_elem(&histograms, &index);

	if (!histogram)
		__sync_fetch_and_add(&health.histograms_full, 1);
	else if (bucket < VMEXIT_BUCKETS)
		histogram->buckets[bucket]++;
}

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

#endif
