/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Fields of a tracepoint's payload, each by one load, which the addon completes: see contract/fields.h. In
 * SEC programs and what is inlined into them: the addon sees no other functions.
 */
#ifndef KERNEL_FIELDS_BPF_H
#define KERNEL_FIELDS_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "../contract/fields.h"

/* A field of up to 4 bytes, or the low half of one with 8; `number` is a constant. */
static __always_inline __u32 field_u32(const void *payload, enum payload_field number)
{
	__u32 value;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(value) : "r"(payload), "i"(PAYLOAD_FIELD + number));
	return value;
}

/* A field of up to 8 bytes. */
static __always_inline __u64 field_u64(const void *payload, enum payload_field number)
{
	__u64 value;

	asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(payload), "i"(PAYLOAD_FIELD + number));
	return value;
}

/* What a program on a tracepoint's payload returns: the event goes on to perf and kvm_stat, which share the
 * payload. 0 would keep it from them (perf_trace_run_bpf_submit() in kernel/events/core.c). */
#define PASS_ON 1

#endif
