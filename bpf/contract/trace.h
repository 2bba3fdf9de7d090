/*
 * The contract between the programs that record events and the addon: the rings of
 * events, and what the programs are told at load.
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

/* An event: a cache line, of which each kind uses the first of the words. */
struct trace_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 tgid;
	__u32 tid;
	__u32 kind;
	__u32 data[TRACE_WORDS];
	__u32 unused[3];
};

/* Where a CPU's ring of events is written and read: counts of events since the beginning. Each side has a
 * cache line. */
struct trace_cursor {
	__u64 head; /* written by the programs on that CPU */
	__u64 lost; /* events that found the ring full */
	__u64 unused[6];
	__u64 tail; /* written by the recorder */
	__u64 unused2[7];
};

struct trace_config {
	__u32 filter_pids;
	__u32 ring_shift; /* a CPU's ring has 2^ring_shift events */
	/* Where each word stands in the tracepoint's record; 0: nowhere, and it is 0. */
	__u32 offsets[TRACE_KINDS][TRACE_WORDS];
};

#endif
