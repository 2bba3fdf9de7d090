/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The contract between the programs that split a vCPU's time and the addon: shared structs and numbers.
 *
 * An account belongs to one vCPU, which is in one activity at a time. Each event that ends an activity adds
 * the time since the last such event to it: at any moment the sum over `ns` is since_ns - first_ns. The
 * vCPU's thread is the only writer while the vCPU lives; the reader adds the activity that is open, and frees
 * the account after the vCPU's end.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include <linux/types.h>
#include "limits.h"
#include "vmexit.h"

/*
 * What a vCPU does, ACTIVITY(number, its name in TypeScript and JSON). SPLIT_UNKNOWN lasts for less than a
 * us, of vCPUs that were there before the programs.
 */
#define SPLIT_ACTIVITIES(ACTIVITY) \
	/* runs its guest */ \
	ACTIVITY(GUEST, guest) \
	/* runs its guest's guest */ \
	ACTIVITY(GUEST_L2, guestL2) \
	/* is in KVM, on a CPU */ \
	ACTIVITY(KVM, kvm) \
	/* sleeps in KVM without being halted: for a page that is read, for a lock */ \
	ACTIVITY(KVM_ASLEEP, kvmAsleep) \
	/* is outside of KVM_RUN */ \
	ACTIVITY(VMM, vmm) \
	/* is halted, and polled for what then came */ \
	ACTIVITY(POLL_SUCCESS, pollSuccess) \
	/* is halted, and polled for what didn't come */ \
	ACTIVITY(POLL_FAIL, pollFail) \
	/* is halted, and sleeps */ \
	ACTIVITY(IDLE, idle) \
	/* is in KVM or its guest and could run, but another task has the CPU */ \
	ACTIVITY(WAITING, waiting) \
	/* is in the VMM and could run, but another task has the CPU */ \
	ACTIVITY(VMM_WAITING, vmmWaiting) \
	ACTIVITY(UNKNOWN, unknown)

#define SPLIT_ACTIVITY_NUMBER(number, name) SPLIT_##number,
enum split_activity { SPLIT_ACTIVITIES(SPLIT_ACTIVITY_NUMBER) SPLIT_ACTIVITY_COUNT };
#undef SPLIT_ACTIVITY_NUMBER

/* Room for them, a power of two. */
#define SPLIT_ROOM 16

/* Times are CLOCK_MONOTONIC's, in ns, and durations in ns. */
struct split_account {
	__u64 owner;    /* the vCPU's address; 0: none */
	__u64 since_ns; /* when the activity that is open began, later by what was booked apart meanwhile */
	__u32 activity; /* enum split_activity: the one that is open */
	__u32 state;    /* enum vmexit_state */
	__u32 hint;     /* as in struct vmexit_account */
	__s32 vcpu_id;
	__u64 polled_success_ns; /* KVM's own count when it was last looked at */
	__u64 polled_fail_ns;
	__u64 exits;
	__u64 returns;      /* from KVM_RUN to the VMM */
	__u64 out_ns;       /* when the thread left its CPU; it is there if this is before since_ns */
	__u32 out_as;       /* enum split_activity: what it does meanwhile, as far as was seen then */
	__u32 cpu;          /* where it ran last */
	__u64 run_delay_ns; /* its thread's when it left its CPU or KVM_RUN */
	__u64 task;         /* that thread's address; run delays of another can't be compared with it */
	__u32 tgid;
	__u32 tid; /* by probes, and of vCPUs that were there: the thread that runs the vCPU or ran it last */
	__u32 self; /* its own index */
	__u32 reserved;
	__u64 first_ns;
	__u64 start_ns; /* as in struct vmexit_account */
	char comm[VMEXIT_COMM];
	__u64 wakeups;
	__u64 migrations;  /* to another CPU */
	__u64 max_wait_ns; /* the longest since the reader last took it and set it to 0 */
	__u64 max_idle_ns; /* in the same way */
	__u64 ns[SPLIT_ROOM];
	__u64 waits[VMEXIT_BUCKETS]; /* how many waits for a CPU took how long */
};

/* A thread within KVM_RUN. */
struct split_run {
	__u64 task;    /* its address; 0: free */
	__u32 account; /* index of its vCPU's */
	__u32 reserved;
};

/* Set before load, constant for the verifier. */
struct split_config {
	__u32 account_mask; /* number of accounts - 1; a power of two - 1 */
	__u32 filter_pids;  /* look in the map `pids` */
	__u32 filter_vcpus; /* look in the map `vcpu_ids` */
};

struct split_losses {
	__u64 accounts_full; /* events of vCPUs for which no account was left */
};

#endif
