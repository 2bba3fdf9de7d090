/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Reads of kernel memory that the verifier knows nothing of: by plain loads where the kernel has
 * bpf_rdonly_cast(), 6.2 and later, else by the helper, which takes some 80 instructions each time.
 */
#ifndef KERNEL_MEMORY_BPF_H
#define KERNEL_MEMORY_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../contract/symbols.h"
#include "types.h"

static void *(*const rdonly_cast)(const void *address, __u32 type) = (void *)KERNEL_RDONLY_CAST;

/* The 8 bytes at an address in the kernel, by a plain load; 0 if they can't be read. */
static __always_inline __u64 read_word(const void *address)
{
	/* The type cast to has to be in vmlinux: one that begins with a number of that size. */
	return *(__u64 *)rdonly_cast(address, KERNEL_CAST_TYPE);
}

/* The 4 bytes at an address in the kernel. */
static __always_inline __u32 read_u32(const __u32 *address, int casts)
{
	__u32 value = 0;

	if (casts)
		return read_word(address);
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

/* The 8 bytes at an address in the kernel. */
static __always_inline __u64 read_u64(const __u64 *address, int casts)
{
	__u64 value = 0;

	if (casts)
		return read_word(address);
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

/* The pointer at an address in the kernel. */
static __always_inline void *read_pointer(const void *address, int casts)
{
	void *value = NULL;

	if (casts)
		return (void *)read_word(address);
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

#endif
