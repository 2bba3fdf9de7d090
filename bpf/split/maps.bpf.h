/* What the programs share with the addon: configuration, losses, maps. */
#ifndef SPLIT_MAPS_BPF_H
#define SPLIT_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../contract/split.h"

/* For what bpf/accounts/ has. */
#define ACCOUNT split_account

const volatile struct split_config config SEC(".rodata.config");

struct split_losses losses SEC(".bss.losses");

/* max_entries of the first four is config.account_mask + 1, set by the addon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct split_account);
} accounts SEC(".maps");

/* Which accounts are claimed, as in bpf/vmexit/maps.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} claims SEC(".maps");

/* Which vCPUs have an account or are about to: the iterator and a vCPU's own thread can meet a vCPU at once.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} owners SEC(".maps");

/* By payloads alone: the index of the account of the vCPU that a thread runs or ran last. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} threads SEC(".maps");

/* The filters, as in bpf/vmexit/maps.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PIDS);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_VCPU_IDS);
	__type(key, __u32);
	__type(value, __u8);
} vcpu_ids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} left_out SEC(".maps");

#endif
