/*
 * The contract between the programs that record events and the addon: one event as it comes through the ring
 * buffer, and what the programs are told at load.
 */
#ifndef TRACE_H
#define TRACE_H

#include <linux/types.h>

/* Most words of one event, and the words that the programs can read: each an aligned 4 bytes of the record.
 */
#define TRACE_WORDS 8
#define TRACE_FIRST_OFFSET 8
#define TRACE_LAST_OFFSET 92

/* Kinds of event: the order is the one of KINDS in src/trace/kinds.ts. */
enum trace_kind {
	TRACE_ENTRY,
	TRACE_EXIT,
	TRACE_NESTED_EXIT,
	TRACE_REFLECTED,
	TRACE_PAGE_FAULT,
	TRACE_INJECTED,
	TRACE_PORT,
	TRACE_CONTROL_REGISTER,
	TRACE_MSR,
	TRACE_CPUID,
	TRACE_HYPERCALL,
	TRACE_APIC,
	TRACE_USERSPACE_EXIT,
	TRACE_WAKEUP,
	TRACE_KINDS,
};

/* An event: as many words as its program writes follow the header. */
struct trace_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 tgid;
	__u32 tid;
	__u32 kind;
	__u32 words;
	__u32 data[];
};

struct trace_config {
	__u32 filter_pids;
	/* Where each word stands in the tracepoint's record; 0: nowhere, and it is 0. */
	__u32 offsets[TRACE_KINDS][TRACE_WORDS];
};

#endif
