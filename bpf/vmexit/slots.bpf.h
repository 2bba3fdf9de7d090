/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The slots of an account: the counters of one key, (isa, level, reason), in each. */
#ifndef VMEXIT_SLOTS_BPF_H
#define VMEXIT_SLOTS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../kernel/verifier.bpf.h"
#include "histogram.bpf.h"
#include "maps.bpf.h"

/* Index of the slot of `key`, which isn't at its home: a later one, or a free one that is claimed.
 * VMEXIT_SLOTS if there is none. */
OUT_OF_LINE __u32 slot_search(struct vmexit_account *account, __u64 key, __u32 home)
{
	struct vmexit_slot *slot;
	__u32 i, at;

	for (i = 0; i < VMEXIT_SLOTS; i++) {
		at = (home + i) % VMEXIT_SLOTS;
		slot = &account->slots[at];
		if (!slot->key) {
			account->histograms[at] = histogram_from_pool();
			slot->key = key;
		}
		if (slot->key == key)
			return at;
	}
	__sync_fetch_and_add(&losses.slots_full, 1);
	return VMEXIT_SLOTS;
}

/*
 * The slot of `key` and its index, NULL if it has none. A key's home is by its low bits, in which reasons are
 * dense, and 27 brings the level's bit down to where it sets L1 and L2 apart.
 */
static __always_inline struct vmexit_slot *slot_of(struct vmexit_account *account, __u64 key, __u64 *at)
{
	__u64 home = KEPT_MASK(key ^ key >> 27, VMEXIT_SLOTS - 1);

	if (account->slots[home].key != key) {
		home = slot_search(account, key, home);
		if (home >= VMEXIT_SLOTS)
			return NULL;
	}
	*at = home;
	return &account->slots[home];
}

static __always_inline void slot_count(struct vmexit_account *account, __u64 key)
{
	__u64 at;
	struct vmexit_slot *slot = slot_of(account, key, &at);

	if (slot)
		slot->count++;
}

#endif
