/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Records KVM's events one by one into a ring for each CPU: classic tracepoint programs, which take words out
 * of the tracepoint's payload at offsets that tracefs tells the addon. No program waits: an event that
 * finds no room is counted.
 *
 * A ring needs no lock: a CPU runs one classic tracepoint program at a time, with preemption off
 * (bpf_prog_active in trace_call_bpf(), kernel/trace/bpf_trace.c).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "kernel/fields.bpf.h"
#include "contract/limits.h"
#include "contract/trace.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct trace_config config SEC(".rodata.config");

/* A ring, which is an array of struct trace_event, for each CPU that is online. The addon makes the rings,
 * and sets max_entries of both maps to the number of possible CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_cursor);
} cursors SEC(".maps");

/* The processes to record, if config.filter_pids. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PIDS);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps");

/* A word of the event, by one load that the addon completes: see contract/trace.h. */
static __always_inline __u32 word_of(const void *payload, __u32 index)
{
	__u32 value;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(value) : "r"(payload), "i"(TRACE_WORD + index));
	return value;
}

static __always_inline int record(const void *payload, __u32 kind, __u32 words)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tgid = pid_tgid >> 32, mask, cpu, index;
	struct trace_cursor *cursor;
	struct trace_event *event;
	void *ring;
	__u64 head;

	if (config.filter_pids && !bpf_map_lookup_elem(&pids, &tgid))
		return PASS_ON;
	cpu = bpf_get_smp_processor_id();
	cursor = bpf_map_lookup_elem(&cursors, &cpu);
	if (!cursor)
		return PASS_ON;
	ring = bpf_map_lookup_elem(&rings, &cpu);
	head = cursor->head;
	mask = config.ring_mask;
	if (!ring || head - *(volatile __u64 *)&cursor->tail > mask) {
		cursor->lost++;
		return PASS_ON;
	}
	index = head & mask;
	event = bpf_map_lookup_elem(ring, &index);
	if (!event)
		return PASS_ON;
	event->time_ns = bpf_ktime_get_ns();
	event->tgid = tgid;
	event->tid = pid_tgid;
	event->kind = kind;
	event->lost = cursor->lost;
#pragma unroll
	for (__u32 i = 0; i < TRACE_WORDS; i++)
		if (i < words)
			event->data[i] = word_of(payload, i);
	/* The event before the head. x86 keeps the order of stores; elsewhere the recorder calls
	 * membarrier(). */
	asm volatile("" ::: "memory");
	*(volatile __u64 *)&cursor->head = head + 1;
	return PASS_ON;
}

#define WORD(...) +1
#define LONG(...) +2
#define READ WORD
#define READ_LONG LONG
#define KIND(kind, option, tracepoint, written, words) \
	SEC("tp/kvm/" #tracepoint) \
	int tracepoint(const void *payload) \
	{ \
		return record(payload, TRACE_##kind, 0 words); \
	}

TRACE_KINDS(KIND)
