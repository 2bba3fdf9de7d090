/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the programs share with the addon: configuration, losses, maps. */
#ifndef SPLIT_MAPS_BPF_H
#define SPLIT_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../contract/split.h"

/* For what bpf/accounts/ has. */
#define ACCOUNT split_account
#include "../accounts/maps.bpf.h"

const volatile struct split_config config SEC(".rodata.config");

struct split_losses losses SEC(".bss.losses");

/*
 * Which vCPUs have an account or are about to: the iterator and a vCPU's own thread can meet a vCPU at once.
 * max_entries of this and the next is config.account_mask + 1, set by the addon.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} owners SEC(".maps");

/* The index of the account of the vCPU that a thread runs. By probes every such thread has an entry, and one
 * that ran a vCPU keeps it; directly those alone that runs.bpf.h tells of. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} threads SEC(".maps");

#endif
