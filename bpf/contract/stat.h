/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The contract between the programs that count KVM's tracepoints and the addon: indices, limits, counters.
 *
 * Counters only grow. An event's place is its index in the list that the addon made from tracefs, so neither
 * the events' number nor their names are known here.
 */
#ifndef STAT_H
#define STAT_H

#include <linux/types.h>
#include "isa.h"

/* Linux 6.1 has 93 tracepoints in system kvm on x86; events beyond the bound are told, not counted. */
#define STAT_EVENTS 512
/* CPUs with counters of their own; the counting is atomic, so that others may share. A power of two, as
 * above. */
#define STAT_CPU_SLOTS 128

/* These two are counted by their reasons. */
#define STAT_EVENT_EXIT 0
#define STAT_EVENT_USERSPACE_EXIT 1
#define STAT_EVENT_FIRST_PLAIN 2
/* What the program for plain events has in place of its event's index; the addon puts the index there. */
#define STAT_EVENT_PLACEHOLDER 0x57a7e7e7

struct stat_counts {
	__u64 events[STAT_EVENTS];
};

/* What a child's reason is a code of: an isa, or in the place of ISA_KVM_RUN KVM_EXIT_ for user space. */
#define STAT_KIND_USERSPACE 4

/* Distinct reasons of one event seen on one CPU: the largest table, SVM's, has 140, and user space's has 43.
 * A power of two. */
#define STAT_CHILDREN 256
#define STAT_CHILD_TAKEN (1ULL << 63)
#define STAT_CHILD_KIND_SHIFT 32

struct stat_child {
	__u64 key; /* STAT_CHILD_TAKEN | kind << STAT_CHILD_KIND_SHIFT | raw reason; 0: free */
	__u64 count;
};

/* The reasons of one CPU's exits; it is the only writer. An event's count is the sum of its children. */
struct stat_children {
	struct stat_child slots[STAT_EVENT_FIRST_PLAIN][STAT_CHILDREN];
	__u64 unplaced[STAT_EVENT_FIRST_PLAIN]; /* by event: exits whose reason found no slot */
};

/* May change while the programs run. */
struct stat_filter {
	__u32 tgid; /* the process whose events count; 0: all */
};

#endif
