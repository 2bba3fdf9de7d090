/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The contract between the programs that record events and the addon: the rings of events, and what the
 * programs are told when they are loaded.
 */
#ifndef TRACE_H
#define TRACE_H

#include <linux/types.h>
#include "kinds.h"

/* Most words of one event. */
#define TRACE_WORDS 8
/* A program reads the words of its kind by loads at offsets from TRACE_WORD on. Before it is loaded the addon
 * puts the offset and the size of the field there, or makes the load the constant 0 where the kernel has no
 * such field. The numbers are beyond every offset in a payload. */
#define TRACE_WORD 0x7000

enum trace_kind {
#define KIND(kind, ...) TRACE_##kind,
	TRACE_KINDS(KIND)
#undef KIND
	    TRACE_KINDS_COUNT,
};

/* An event: a cache line, of which each kind uses the first of the words. */
struct trace_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 tgid;
	__u32 tid;
	__u32 kind;
	__u32 data[TRACE_WORDS];
	__u32 unused;
	__u64 lost; /* trace_cursor's when this was written: how many were lost before */
};

/* Where a CPU's ring is written and read: counts of events since the beginning. Each side has a cache line.
 */
struct trace_cursor {
	__u64 head; /* written by the programs on that CPU */
	__u64 lost; /* events that found the ring full, or no ring */
	__u64 unused[6];
	__u64 tail; /* written by the recorder */
	__u64 unused2[7];
};

struct trace_config {
	__u32 filter_pids;
	__u32 ring_mask; /* events in a ring, a power of two, less one */
};

#endif
