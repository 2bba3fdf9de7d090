/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The details of an account: the counters of one detail of a key in each slot of its table. */
#ifndef VMEXIT_DETAILS_BPF_H
#define VMEXIT_DETAILS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../contract/detail.h"
#include "../kernel/verifier.bpf.h"
#include "histogram.bpf.h"
#include "maps.bpf.h"

/* Gives a claimed account a table of the pool. */
static __always_inline void details_claim(struct vmexit_account *account)
{
	__u32 index;

	if (DETAILS && !bpf_map_pop_elem(&free_details, &index))
		account->details = index + 1;
}

#define ACCOUNT_CLAIMED(account, index) \
	({ \
		(account)->self = (index); \
		details_claim(account); \
	})

/* The counter of a reason's slots, by Fibonacci hashing of reason, level, and whether the detail is a page.
 */
static __always_inline __u16 *detail_class(struct vmexit_details *table, __u64 key, __u64 detail)
{
	__u32 reason = key ^ (key >> 15 & 1 << 17) ^ (detail >> 41 & 1 << 18);
	__u64 class = reason * 2654435769u >> (32 - VMEXIT_DETAIL_CLASSES_LOG2);

	return &table->of_class[KEPT_MASK(class, VMEXIT_DETAIL_CLASSES - 1)];
}

/* Takes a free slot for a detail, if its reason may have one more. */
static __always_inline int detail_claim(struct vmexit_details *table, struct vmexit_detail_slot *slot,
					__u64 key, __u64 detail)
{
	__u16 *of_class = detail_class(table, key, detail);

	if (*of_class >= VMEXIT_DETAILS - table->taken)
		return 0;
	if (detail & VMEXIT_FAULT_PAGE && *of_class >= VMEXIT_DETAILS_OF_PAGES)
		return 0;
	++*of_class;
	table->taken++;
	slot->detail = detail;
	slot->histogram = histogram_from_pool();
	barrier();
	slot->slot.key = key;
	return 1;
}

/* Index of the slot of a detail, which isn't at its home: a later one, or a free one that is claimed.
 * VMEXIT_DETAILS if there is none. `index` is the table's. */
VERIFIED_ONCE int detail_search(__u32 index, __u64 key, __u64 detail, __u32 home)
{
	struct vmexit_details *table = bpf_map_lookup_elem(&details, &index);
	struct vmexit_detail_slot *slot;
	__u32 i, at;

	if (!table)
		return VMEXIT_DETAILS;
	for (i = 0; i < VMEXIT_DETAIL_PROBES; i++) {
		at = KEPT_MASK(home + i, VMEXIT_DETAILS - 1);
		slot = &table->slots[at];
		if (slot->slot.key == key && slot->detail == detail)
			return at;
		if (!slot->slot.key)
			goto found; /* After the loop, where the verifier walks it once. */
	}
	goto full;

found:
	if (detail_claim(table, slot, key, detail))
		return at;
full:
	__sync_fetch_and_add(&losses.details_full, 1);
	return VMEXIT_DETAILS;
}

OUT_OF_LINE int details_none(void)
{
	__sync_fetch_and_add(&losses.details_full, 1);
	return 0;
}

/* The slot of a key's detail, NULL if there is none. Its home is by Fibonacci hashing (2^64 divided by the
 * golden ratio) of the detail alone: few details have several keys. */
static __always_inline struct vmexit_detail_slot *detail_slot_of(const struct vmexit_account *account,
								 __u64 key, __u64 detail)
{
	__u32 index = account->details - 1;
	struct vmexit_details *table = bpf_map_lookup_elem(&details, &index);
	__u64 home = detail * 0x9e3779b97f4a7c15ULL >> (64 - VMEXIT_DETAILS_LOG2);
	struct vmexit_detail_slot *slot;

	if (!table) {
		details_none();
		return NULL;
	}
	slot = &table->slots[home];
	/* The compiler would make the pointer again from the index. */
	barrier_var(slot);
	if (slot->slot.key == key && slot->detail == detail)
		return slot;
	home = detail_search(account->details - 1, key, detail, home);
	return home < VMEXIT_DETAILS ? &table->slots[home] : NULL;
}

#endif
