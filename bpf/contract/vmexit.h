/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The contract between the programs that count VM exits and the addon: shared structs and counters.
 *
 * An account belongs to one vCPU (one vCPU thread, where the tracepoint has no vCPU). The vCPU's thread is
 * the only writer while the vCPU lives; the reader frees the account after its end. All counters are
 * cumulative and never cleared while the account has an owner.
 */
#ifndef VMEXIT_H
#define VMEXIT_H

#include <linux/types.h>
#include "isa.h"
#include "limits.h"

/* Distinct (isa, level, reason) of one account. Busy nested vCPUs show about 50; exits of further ones are
 * counted as lost. */
#define VMEXIT_SLOTS 64
/* Places where the account of an owner is looked for. */
#define VMEXIT_PROBES 64
#define VMEXIT_COMM 16
/*
 * Buckets of a histogram of handling times: four for each power of two of ns, so that a bucket is at most a
 * quarter as wide as its lower end. The last one has no upper end: 2^44 ns are 4.9 hours.
 */
#define VMEXIT_BUCKETS 172
#define VMEXIT_BUCKETS_END_LOG2 44
/* Histograms for each vCPU, taken from a common pool by the slots that occur: as many more by detail. */
#define VMEXIT_HISTOGRAMS_PER_VCPU 16
#define VMEXIT_HISTOGRAMS_BY_DETAIL 32
#define VMEXIT_RING_BYTES (1 << 20)
/* The most accounts: four for each of MAX_VCPUS. */
#define VMEXIT_ACCOUNTS_LOG2 19
/* vCPUs whose exclusion by a filter is remembered; the others' is looked up at each exit. */
#define VMEXIT_LEFT_OUT_LOG2 13

/*
 * A slot's key: the raw reason in bits 0-31, then level and isa. VMEXIT_KEY_TAKEN says that the slot is
 * taken. VMEXIT_KEY_UNTIMED keeps the exits that have no handling time, because no entry followed, out of the
 * averages.
 */
#define VMEXIT_KEY_L2 (1ULL << 32)
#define VMEXIT_KEY_UNTIMED (1ULL << 33)
/* Of exits from L2: L0 gave it to L1 to handle. Only if asked for. */
#define VMEXIT_KEY_REFLECTED (1ULL << 34)
/* The exit has a detail, see detail.h: the key goes with it, and its slot is in the table of details.
 * The sign is the cheapest bit to ask for. */
#define VMEXIT_KEY_DETAIL (1ULL << 63)
/* Exits of this reason have a detail; of these it isn't known. */
#define VMEXIT_KEY_UNKNOWN (1ULL << 36)
/* These had a detail, for which the table had no slot left. */
#define VMEXIT_KEY_NO_PLACE (1ULL << 37)
#define VMEXIT_KEY_ISA_SHIFT 40
#define VMEXIT_KEY_ISA_MASK 0xffULL
#define VMEXIT_KEY_TAKEN (1ULL << 35)

enum vmexit_state {
	VMEXIT_FREE = 0,  /* without an owner: zeroed */
	VMEXIT_LIVE = 1,  /* written by its owner's thread */
	VMEXIT_ENDED = 2, /* the vCPU or thread is gone: the reader reads it once more and frees it */
};

/* Counters of one (isa, level, reason); times are handling times, exit to entry, in ns. */
struct vmexit_slot {
	__u64 key; /* 0: free */
	__u64 count;
	__u64 total_ns;
	__u64 max_ns; /* since the reader last took it and set it to 0 */
};

/* Counters of one detail of a key. */
struct vmexit_detail_slot {
	struct vmexit_slot slot;
	__u64 detail;
	__u32 histogram; /* index + 1; 0: none */
	__u32 reserved;
};

/*
 * The details of one vCPU, taken from a common pool. A reason gets no more slots than it leaves free: a guest
 * that walks through all ports, MSRs or addresses takes half of them, a second walk a quarter, and any other
 * reason has some. Pages of memory get a sixteenth at most, for each guest touches more of them than any
 * table holds; a PC's MSRs, ports, CPUID leaves and devices' registers are some 450 while Linux boots.
 */
#define VMEXIT_DETAILS_LOG2 10
#define VMEXIT_DETAILS (1 << VMEXIT_DETAILS_LOG2)
#define VMEXIT_DETAILS_OF_PAGES (VMEXIT_DETAILS / 16)
/* Counters of a reason's slots. Reasons that have the same one share what a reason gets. */
#define VMEXIT_DETAIL_CLASSES_LOG2 7
#define VMEXIT_DETAIL_CLASSES (1 << VMEXIT_DETAIL_CLASSES_LOG2)
/* Places where a detail is looked for. */
#define VMEXIT_DETAIL_PROBES 64

struct vmexit_details {
	struct vmexit_detail_slot slots[VMEXIT_DETAILS];
	__u16 of_class[VMEXIT_DETAIL_CLASSES]; /* slots that a reason has */
	__u32 taken;                           /* slots that all have */
	__u32 reserved;
};

/* From an event to the one that ends it; what it counts is filed under its key when it ends. */
struct vmexit_span {
	union {
		__u64 key; /* 0: no span is open */
		struct {
			__u32 reason; /* its lower half, and the upper one */
			__u32 flags;
		};
	};
	__u64 begin_ns; /* CLOCK_MONOTONIC */
	__u64 detail;   /* if VMEXIT_KEY_DETAIL */
};

struct vmexit_account {
	__u64 owner;             /* the vCPU's address, or a number of its thread, whose low half is tid;
				    0: none */
	struct vmexit_span exit; /* exit to entry */
	union {
		__u64 vmcb01; /* SVM: address of the vCPU's L1 VMCB, the same for its whole life */
		__u64
		    run_page; /* riscv64 and ppc64, of returns with details: address of its struct kvm_run */
	};
	__u64 start_ns; /* start of the VMM process since boot: with tgid it names a VM even if the
			   pid is used again */
	__u32 state;    /* enum vmexit_state */
	__u32 shared;   /* 1: the thread runs several vCPUs */
	/* For owners whose first place this account is, and which have another: the index of the account that
	 * one of them was found to have. 0 or out of date if there is none. In the owner's cache line. */
	__u32 hint;
	__u32 tgid;
	__u32 tid;
	__s32 vcpu_id;  /* as KVM numbers them within a VM; -1: unknown */
	__u32 ran_last; /* if shared: 1 if its exit was the thread's last */
	__u32 details;  /* index + 1 of its struct vmexit_details; 0: none */
	__u32 self;     /* its own index */
	__u32 offset;   /* riscv64 and ppc64, by details: within its page, of the address where the open exit
			   faulted */
	__u64 out_ns;   /* when the thread lost its CPU within the open exit; 0: it has one */
	__u64 rip;      /* of the open exit, by details and by payload; 0 where that has no such field */
	char comm[VMEXIT_COMM]; /* of the VMM process; any bytes */
	struct vmexit_slot slots[VMEXIT_SLOTS];
	__u32 histograms[VMEXIT_SLOTS]; /* index + 1 of each slot's histogram; 0: none */
};

/* Places of threads that are within KVM_RUN. */
#define VMEXIT_RUNS_LOG2 13

/* A thread within KVM_RUN. */
struct vmexit_run {
	__u64 task;    /* its address; 0: free */
	__u32 account; /* index of its vCPU's */
	__u32 reserved;
	__u64 page; /* with details: address of the vCPU's struct kvm_run */
};

struct vmexit_histogram {
	__u64 buckets[VMEXIT_BUCKETS];
};

/* A slow exit, in the ring buffer. */
struct vmexit_event {
	__u64 key;
	__u64 ns;
	__u64 entry_ns; /* when it ended, CLOCK_MONOTONIC */
	__u64 start_ns;
	__u64 rip;
	__u64 detail; /* if the key has VMEXIT_KEY_DETAIL */
	__u32 tgid;
	__u32 tid;
	__s32 vcpu_id;
	__u32 reserved;
	char comm[VMEXIT_COMM];
};

/* The ways to lose exits: LOSS(counter of struct vmexit_losses, its name in TypeScript and JSON). */
#define VMEXIT_LOSSES(LOSS) \
	/* exits of vCPUs for which no account was left */ \
	LOSS(accounts_full, recordsFull) \
	/* by payload: exits of a thread's further vCPUs for which none was left */ \
	LOSS(threads_full, threadsFull) \
	/* exits with reasons for which the vCPU's account had no slot left */ \
	LOSS(slots_full, slotsFull) \
	/* exits counted by their reason, whose detail found the vCPU's table full */ \
	LOSS(details_full, detailsFull) \
	/* exits counted and timed, but in no histogram: none was left */ \
	LOSS(histograms_full, histogramsFull) \
	/* slow exits that found the ring buffer full */ \
	LOSS(events_dropped, eventsDropped)

#define VMEXIT_LOSS_COUNTER(counter, name) __u64 counter;
struct vmexit_losses {
	VMEXIT_LOSSES(VMEXIT_LOSS_COUNTER)
};
#undef VMEXIT_LOSS_COUNTER

enum vmexit_reasons {
	VMEXIT_REASONS_ALL = 0,
	VMEXIT_REASONS_ONLY = 1,   /* those in the map `reasons` */
	VMEXIT_REASONS_EXCEPT = 2, /* all but those */
};

/* Set before load, constant for the verifier, which drops what isn't wanted. */
struct vmexit_config {
	__u64 slow_ns;
	__u32 account_mask; /* number of accounts - 1; a power of two - 1 */
	__u32 timing;       /* keep handling times: needs the entry programs */
	__u32 histograms;   /* with timing: also keep histograms */
	__u32 slow;         /* instead of counting, report exits that take slow_ns and longer */
	__u32 filter_pids;  /* look in the map `pids` */
	__u32 filter_vcpus; /* look in the map `vcpu_ids` */
	__u32 reasons;      /* enum vmexit_reasons: of which reasons slow exits are reported */
	__u32 entry_has_vcpu_id;
};

#endif
