/*
 * The contract between the BPF programs and the addon: shared structs, limits and counters.
 *
 * One record belongs to one vCPU (one vCPU thread, where the tracepoint tells no vCPU). Its thread is the
 * only writer while it lives; the reader frees a record after its end. All values are cumulative and never
 * cleared while the record has an owner.
 */
#ifndef VMEXIT_H
#define VMEXIT_H

#include <linux/types.h>

/* Distinct (isa, level, reason) of one record. Busy nested vCPUs show about 50; what doesn't fit is counted
 * as lost. */
#define VMEXIT_SLOTS 64
/* Places where the record of an owner is looked for. */
#define VMEXIT_PROBES 64
#define VMEXIT_COMM 16
/*
 * Buckets of a histogram of handling times: four for each power of two of ns, so that a bucket is at most a
 * quarter as wide as its lower end. The last one has no upper end: 2^44 ns are 4.9 hours.
 */
#define VMEXIT_BUCKETS 172
#define VMEXIT_BUCKETS_END_LOG2 44
/* Histograms for each vCPU, taken from a common pool by the (level, reason) that occur. */
#define VMEXIT_HISTOGRAMS_PER_VCPU 16
#define VMEXIT_RING_BYTES (1 << 20)
/* Bounds memory: 4 records for each vCPU, about 2 KiB each. */
#define VMEXIT_MAX_VCPUS 131072
#define VMEXIT_RECORDS_LOG2 19
#define VMEXIT_MAX_PIDS 1024
#define VMEXIT_MAX_VCPU_IDS 4096
#define VMEXIT_MAX_REASONS 512

/*
 * A slot's key: the raw reason in bits 0-31, then level and isa. Bit 63 says that the slot is taken.
 * VMEXIT_KEY_UNTIMED keeps the exits that have no handling time, because no entry followed, out of the
 * averages.
 */
#define VMEXIT_KEY_L2 (1ULL << 32)
#define VMEXIT_KEY_UNTIMED (1ULL << 33)
/* Of exits from L2: L0 gave it to L1 to handle. Only if asked for. */
#define VMEXIT_KEY_REFLECTED (1ULL << 34)
#define VMEXIT_KEY_ISA_SHIFT 40
#define VMEXIT_KEY_ISA_MASK 0xffULL
#define VMEXIT_KEY_TAKEN (1ULL << 63)

/* KVM_ISA_VMX and KVM_ISA_SVM: arch/x86/kvm/trace.h. The others are ours, for architectures with one isa. */
#define VMEXIT_ISA_VMX 1
#define VMEXIT_ISA_SVM 2
#define VMEXIT_ISA_ARM64 3

enum vmexit_state {
	VMEXIT_FREE = 0,  /* nobody's: zeroed */
	VMEXIT_LIVE = 1,  /* written by its thread */
	VMEXIT_ENDED = 2, /* the vCPU or thread is gone: the reader's to fold and free */
};

/* Counters of one (isa, level, reason); times are handling times, exit to entry, in ns. */
struct vmexit_slot {
	__u64 key; /* 0: free */
	__u64 count;
	__u64 total_ns;
	__u64 max_ns; /* since the reader last took it and set it to 0 */
};

struct vmexit_record {
	__u64 owner;    /* the vCPU's address, or a number of its thread, whose low half is tid; 0: none */
	__u64 pending;  /* key of the exit whose entry hasn't come; 0: none */
	__u64 exit_ns;  /* when that exit happened, CLOCK_MONOTONIC */
	__u64 vmcb01;   /* SVM: address of the vCPU's L1 VMCB, the same for its whole life */
	__u64 start_ns; /* start of the VMM process since boot: with tgid it names a VM even if the pid is
			   used again */
	__u32 state;    /* enum vmexit_state */
	__u32 flags;    /* VMEXIT_SKIPPED, VMEXIT_SHARED */
	/* Whoever has this record: where an owner is that was looked for here first; 0 or out of date if
	 * none. In the owner's cache line. */
	__u32 elsewhere;
	__u32 tgid;
	__u32 tid;
	__s32 vcpu_id; /* as KVM numbers them within a VM; -1: unknown */
	/* Of the pending exit, if config.details: from the tracepoints' records, 0 where they don't tell. */
	__u64 rip;
	__u64 info1; /* exit qualification (VMX), exit_info_1 (SVM) */
	__u64 info2;
	__u64 fault_address; /* guest physical */
	__u64 fault_error;
	__u32 msr;
	__u32 told;             /* VMEXIT_TOLD_*: which of the last three have a value */
	__u32 last;             /* if VMEXIT_SHARED: whether its exit was the thread's last */
	char comm[VMEXIT_COMM]; /* of the VMM process; any bytes */
	struct vmexit_slot slots[VMEXIT_SLOTS];
	__u32 histograms[VMEXIT_SLOTS]; /* index + 1 of each slot's histogram; 0: none */
};

/* A filter leaves this vCPU out; the thread runs several vCPUs. */
#define VMEXIT_SKIPPED 1
#define VMEXIT_SHARED 2

#define VMEXIT_TOLD_FAULT 1
#define VMEXIT_TOLD_MSR 2

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
	__u64 info1;
	__u64 info2;
	__u64 fault_address;
	__u64 fault_error;
	__u32 msr;
	__u32 told;
	__u32 tgid;
	__u32 tid;
	__s32 vcpu_id;
	__u32 reserved;
	char comm[VMEXIT_COMM];
};

/* What was lost, and why; each counts exits unless it says otherwise. */
struct vmexit_health {
	__u64 records_full;    /* no record left for the vCPU */
	__u64 threads_full;    /* no record left for a further vCPU of the thread */
	__u64 slots_full;      /* no slot left in the vCPU's record */
	__u64 histograms_full; /* counted and timed, but in no histogram: none left */
	__u64 events_dropped;  /* slow, but the ring buffer was full */
};

enum vmexit_reasons {
	VMEXIT_REASONS_ALL = 0,
	VMEXIT_REASONS_ONLY = 1, /* those in the map `reasons` */
	VMEXIT_REASONS_BUT = 2,  /* all but those */
};

/* Set before load, constant for the verifier, which drops what isn't wanted. */
struct vmexit_config {
	__u64 slow_ns;
	__u32 record_mask;  /* number of records - 1; a power of two - 1 */
	__u32 isa;          /* of the host, where exit_isa is 0 */
	__u32 timing;       /* keep handling times: needs the entry programs */
	__u32 histograms;   /* with timing: also keep histograms */
	__u32 slow;         /* instead of counting, report exits that take slow_ns and longer */
	__u32 details;      /* of slow exits, what the tracepoints' records tell of them */
	__u32 filter_pids;  /* look in the map `pids` */
	__u32 filter_vcpus; /* look in the map `vcpu_ids` */
	__u32 reasons;      /* enum vmexit_reasons: which reasons slow exits are reported of */
	/* Byte offsets of fields in the tracepoints' records, from tracefs format; 0: not there. */
	__u32 exit_isa;
	__u32 exit_vcpu_id;
	__u32 entry_vcpu_id;
	__u32 exit_guest_rip;
	__u32 exit_info1;
	__u32 exit_info2;
	__u32 fault_address;
	__u32 fault_error_code;
	__u32 fault_error_bytes; /* of fault_error_code: 4 in 5.10, 8 in 6.1 */
	__u32 msr_ecx;
};

#endif
