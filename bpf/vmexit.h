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
/* Records looked at from a record's home on: the longest run of occupied ones that is searched. */
#define VMEXIT_PROBES 64
#define VMEXIT_COMM 16
/* Bounds memory: 2 records for each vCPU, about 2 KiB each. */
#define VMEXIT_MAX_VCPUS 131072
#define VMEXIT_MAX_PIDS 1024

/*
 * A slot's key: the raw reason in bits 0-31, then level and isa. Bit 63 says that the slot is taken.
 * VMEXIT_KEY_UNTIMED keeps the exits that have no handling time, because no entry followed, out of the
 * averages.
 */
#define VMEXIT_KEY_L2 (1ULL << 32)
#define VMEXIT_KEY_UNTIMED (1ULL << 33)
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
	__u64 max_ns;
};

struct vmexit_record {
	__u64 owner;    /* the vCPU's address, or tgid << 32 | tid; 0: none. Only equal or unequal matters */
	__u64 pending;  /* key of the exit whose entry hasn't come; 0: none */
	__u64 exit_ns;  /* when that exit happened, CLOCK_MONOTONIC */
	__u64 vmcb01;   /* SVM: address of the vCPU's L1 VMCB, the same for its whole life */
	__u64 start_ns; /* start of the VMM process since boot: with tgid it names a VM even if the pid is
			   used again */
	__u32 state;    /* enum vmexit_state */
	__u32 skip;     /* 1: a filter leaves this vCPU out */
	__u32 tgid;
	__u32 tid;
	__s32 vcpu_id; /* as KVM numbers them within a VM; -1: unknown */
	__u32 reserved;
	char comm[VMEXIT_COMM]; /* of the VMM process; any bytes */
	struct vmexit_slot slots[VMEXIT_SLOTS];
};

/* What was lost, and why; each counts exits unless it says otherwise. */
struct vmexit_health {
	__u64 records_full; /* no record left for the vCPU */
	__u64 slots_full;   /* no slot left in the vCPU's record */
};

/* Set before load, constant for the verifier, which drops what isn't wanted. */
struct vmexit_config {
	__u32 record_mask;     /* number of records - 1; a power of two - 1 */
	__u32 record_shift;    /* 32 - log2(number of records) */
	__u32 isa;             /* of the host, where the exit event doesn't tell */
	__u32 timing;          /* keep handling times: needs the entry programs */
	__u32 filter_pids;     /* look in the map `pids` */
	__u32 exit_isa_offset; /* byte offsets in the kvm_exit record, from tracefs format; 0: not there */
	__u32 exit_vcpu_offset;
};

#endif
