/*
 * The few kernel structs that the programs read, for CO-RE: only the fields used, found by name in the
 * running kernel's BTF whatever their offsets are there.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/linux/sched.h. start_boottime is real_start_time before 5.5 (cf25e24db61c
 * ("time: Rename tsk->real_start_time to ->start_boottime")). */
struct task_struct {
	struct task_struct *group_leader;
	__u64 start_boottime;
	char comm[16];
};

/* arch/x86/include/asm/kvm_host.h. guest_mode counts nothing: 1 while in L2; in 5.14 and later. */
struct kvm_vcpu_stat {
	__u64 guest_mode;
};

/* include/linux/kvm_host.h */
struct kvm_vcpu {
	int vcpu_id;
	struct kvm_vcpu_stat stat;
};

/* arch/x86/include/asm/svm.h */
struct vmcb_control_area {
	__u32 exit_code; /* 32 bits before 7.0, then 64 (commit d7507a94a072): the low half is the same */
};

struct vmcb {
	struct vmcb_control_area control;
};

/* arch/x86/kvm/svm/svm.h, 5.12 and later */
struct kvm_vmcb_info {
	struct vmcb *ptr;
};

/* svm_data, one for each CPU: a struct in 6.1 and later. current_vmcb is the one that the CPU's vCPU had when
 * it was loaded. */
struct svm_cpu_data {
	struct vmcb *current_vmcb;
};

struct vcpu_svm {
	struct kvm_vcpu vcpu; /* first: the two have one address */
	struct vmcb *vmcb;    /* the current one: L1's or L2's */
	struct kvm_vmcb_info vmcb01;
};

/* arch/x86/kvm/vmx/vmx.h */
union vmx_exit_reason {
	__u32 full;
};

struct vcpu_vmx {
	struct kvm_vcpu vcpu;
	union vmx_exit_reason exit_reason;
};

/* arch/x86/kvm/vmx/common.h: where exit_reason moved when TDX came, shared by VMX's and TDX's vCPUs */
struct vcpu_vt {
	union vmx_exit_reason exit_reason;
};

struct vcpu_vmx___vt {
	struct vcpu_vt vt;
};

#pragma clang attribute pop

#endif
