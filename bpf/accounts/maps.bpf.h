/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The maps of accounts and of filters. What includes this has before it: ACCOUNT, the name of the struct of
 * its accounts.
 */
#ifndef ACCOUNTS_MAPS_BPF_H
#define ACCOUNTS_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../contract/limits.h"

/* max_entries is config.account_mask + 1, set by the addon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ACCOUNT);
} accounts SEC(".maps");

/*
 * Which accounts are claimed. An insertion with BPF_NOEXIST succeeds for one CPU only: compare-and-exchange
 * for kernels before 5.12, which have none.
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
	__uint(max_entries, MAX_PIDS);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps");

/* The vCPU ids to trace, if config.filter_vcpus. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_VCPU_IDS);
	__type(key, __u32);
	__type(value, __u8);
} vcpu_ids SEC(".maps");

/* See filters.bpf.h. One element long if nothing is filtered. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} left_out SEC(".maps");

#endif
