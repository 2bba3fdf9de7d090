/*
 * The slots of a record: one counter for each (isa, level, reason).
 */
#ifndef VMEXIT_SLOTS_BPF_H
#define VMEXIT_SLOTS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "histogram.bpf.h"
#include "maps.bpf.h"

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

#endif
