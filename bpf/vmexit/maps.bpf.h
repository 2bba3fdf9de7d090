/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the programs share with the addon: configuration, losses, maps. */
#ifndef VMEXIT_MAPS_BPF_H
#define VMEXIT_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../contract/vmexit.h"

/* For what bpf/accounts/ has. */
#define ACCOUNT vmexit_account
#include "../accounts/maps.bpf.h"

/* Whether accounts have details, which is an object of its own: vmexit-details.bpf.c. */
#ifndef DETAILS
#define DETAILS 0
#endif

const volatile struct vmexit_config config SEC(".rodata.config");

struct vmexit_losses losses SEC(".bss.losses");

/* The reasons that config.reasons speaks of, as the kernel's 32 bits. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_REASONS);
	__type(key, __u32);
	__type(value, __u8);
} reasons SEC(".maps");

/* See thread-owner.bpf.h. One element long if nothing is filtered. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bare_threads SEC(".maps");

/* The pool of histograms, and the indices of those that are free. Both are one element long if not wanted. */
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

/* The pool of tables of details, and the indices of those that are free. Both are one element long if not
 * wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vmexit_details);
} details SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_details SEC(".maps");

/* See kvm-run.bpf.h. Both are one element long if not wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vmexit_run);
} runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct vmexit_run);
} crowded_runs SEC(".maps");

/* How many are in crowded_runs. */
__u64 crowded SEC(".bss.crowded");

/* Slow exits; a page if not wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

#endif
