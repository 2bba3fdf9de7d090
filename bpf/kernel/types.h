/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The few kernel structs that the programs read, for CO-RE: only the fields used, found by name in the
 * running kernel's BTF whatever their offsets are there.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/linux/sched.h: run_delay is the time in which the task could run and had no CPU, in ns; without
 * CONFIG_SCHED_INFO it isn't there. */
struct sched_info {
	unsigned long long run_delay;
};

/* include/linux/sched.h. start_boottime is real_start_time before 5.5 (cf25e24db61c
 * ("time: Rename tsk->real_start_time to ->start_boottime")). */
struct task_struct {
	struct task_struct *group_leader;
	__u64 start_boottime;
	char comm[16];
	int tgid;
	unsigned int __state;
	struct sched_info sched_info;
};

/* __state before 5.14 (2f064a59a11f ("sched: Change task_struct::state")) */
struct task_struct___state {
	long state;
};

/* include/linux/kvm_types.h: of all architectures, in ns; halt_* are 5.14's. */
struct kvm_vcpu_stat_generic {
	__u64 halt_poll_success_ns;
	__u64 halt_poll_fail_ns;
};

/* arch/x86/include/asm/kvm_host.h. guest_mode counts nothing: 1 while in L2; in 5.14 and later. */
struct kvm_vcpu_stat {
	struct kvm_vcpu_stat_generic generic;
	__u64 guest_mode;
};

/* Before 5.14 (0193cc908b5a ("KVM: stats: Separate generic stats from architecture specific ones")) */
struct kvm_vcpu_stat___flat {
	__u64 halt_poll_success_ns;
	__u64 halt_poll_fail_ns;
};

/* include/linux/types.h, preempt.h: in a list while a thread has the vCPU loaded. */
struct hlist_node {
	struct hlist_node **pprev;
};

struct preempt_notifier {
	struct hlist_node link;
};

/* include/linux/rcuwait.h */
struct rcuwait {
	struct task_struct *task;
};

/* include/linux/pid.h */
struct upid {
	int nr;
};

struct pid {
	struct upid numbers[1];
};

/* arch/x86/include/asm/kvm_host.h: the guest's registers, and which of the lazily read ones were read */
struct kvm_vcpu_arch {
	unsigned long regs[16];
	__u32 hflags;
	__u32 regs_avail;
	_Bool hyperv_enabled; /* 5.12 and later */
};

/* arch/x86/include/uapi/asm/kvm.h */
struct kvm_xen_hvm_config {
	__u32 flags;
};

struct kvm_hv {
	__u64 hv_guest_os_id;
};

struct kvm_arch {
	struct kvm_hv hyperv;
	struct kvm_xen_hvm_config xen_hvm_config;
};

/* include/linux/mmu_notifier.h: what a VM has of the VMM's memory */
struct mmu_notifier {
	const void *ops;
};

/* include/linux/kvm_host.h. vcpus is another structure since 5.17 (c5b077549136 ("KVM: Convert the kvm->vcpus
 * array to a xarray")). */
struct kvm {
	struct kvm_arch arch;
	struct mmu_notifier mmu_notifier;
	struct kvm_vcpu *vcpus[1];
};

/* Where xen_hvm_config moved in 6.15. */
struct kvm_xen {
	struct kvm_xen_hvm_config hvm_config;
};

struct kvm_arch___xen {
	struct kvm_xen xen;
};

struct kvm___xen {
	struct kvm_arch___xen arch;
};

/* include/uapi/linux/kvm.h: what the kernel shares with the VMM */
struct kvm_run {
	__u32 exit_reason;
};

/* include/linux/kvm_host.h. `wait` has a task while that is halted, or about to be. */
struct kvm_vcpu {
	struct kvm *kvm;
	struct kvm_run *run;
	int vcpu_id;
	int mode;
	_Bool preempted;
	struct pid *pid;
	struct rcuwait wait;
	struct preempt_notifier preempt_notifier;
	struct kvm_vcpu_arch arch;
	struct kvm_vcpu_stat stat;
};

struct kvm_vcpu___flat {
	struct kvm_vcpu_stat___flat stat;
};

/* include/linux/fs.h, dcache.h, path.h: what names an open file. */
struct super_block {
	unsigned long s_magic;
};

struct inode {
	struct super_block *i_sb;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

/* regs_avail became a bitmap of longs in 7.1. */
struct kvm_vcpu_arch___bitmap {
	unsigned long regs_avail[1];
};

struct kvm_vcpu___bitmap {
	struct kvm_vcpu_arch___bitmap arch;
};

/* arch/riscv/include/asm/kvm_host.h: a6 and a7 say which function of which of the SBI's extensions is called.
 */
struct kvm_cpu_context {
	unsigned long a6;
	unsigned long a7;
};

struct kvm_vcpu_arch___riscv {
	struct kvm_cpu_context guest_context;
};

struct kvm_vcpu___riscv {
	struct kvm_vcpu_arch___riscv arch;
};

/* arch/powerpc/include/asm/kvm_host.h, ptrace.h: the guest's registers, and where it faulted. */
struct pt_regs___ppc64 {
	unsigned long gpr[32];
};

struct kvm_vcpu_arch___ppc64 {
	struct pt_regs___ppc64 regs;
	unsigned long fault_dar;
	__u32 fault_dsisr;
	unsigned long fault_gpa;
};

struct kvm_vcpu___ppc64 {
	struct kvm_vcpu_arch___ppc64 arch;
};

/* arch/x86/include/asm/svm.h */
struct vmcb_control_area {
	__u32 exit_code; /* 32 bits before 7.0, then 64 (commit d7507a94a072): the low half is the same */
	__u64 exit_info_1;
	__u64 exit_info_2;
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
	unsigned long exit_qualification;
	__u32 exit_intr_info;
};

/* arch/x86/kvm/vmx/common.h: where these moved when TDX came, shared by VMX's and TDX's vCPUs */
struct vcpu_vt {
	union vmx_exit_reason exit_reason;
	unsigned long exit_qualification;
	__u32 exit_intr_info;
};

struct vcpu_vmx___vt {
	struct vcpu_vt vt;
};

#pragma clang attribute pop

#endif
