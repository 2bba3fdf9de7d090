/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* vCPUs that are there before the programs: found among the open files of all processes, in what they do. */
#ifndef SPLIT_EXISTING_BPF_H
#define SPLIT_EXISTING_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../kernel/types.h"
#include "account.bpf.h"
#include "runs.bpf.h"
#include "../accounts/filters.bpf.h"

/* include/uapi/linux/magic.h */
#define ANON_INODE_FS_MAGIC 0x09041934
/* The name of a vCPU's file without its id: create_vcpu_fd(), virt/kvm/kvm_main.c. */
#define VCPU_NAME "kvm-vcpu:"
/* include/linux/kvm_host.h: vcpu->mode outside of the guest. */
#define OUTSIDE_GUEST_MODE 0

/* kernel/bpf/task_iter.c: what the iterator over open files tells. */
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u64 descriptor;
	struct file *file;
};

/* The address of a file's vCPU; 0 if it has none. No process can make other files of that name in that file
 * system. */
static __always_inline __u64 vcpu_of_file(struct file *file)
{
	const char wanted[] = VCPU_NAME;
	char name[sizeof(wanted)] = "";
	__u32 i;

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return 0;
	bpf_probe_read_kernel(name, sizeof(name) - 1, BPF_CORE_READ(file, f_path.dentry, d_name.name));
	for (i = 0; i < sizeof(wanted); i++)
		if (name[i] != wanted[i])
			return 0;
	return (__u64)BPF_CORE_READ(file, private_data);
}

/* Whether a thread is within an ioctl of the vCPU. What was in a list and isn't has LIST_POISON2
 * (include/linux/ poison.h), which is no address of the kernel's. */
static __always_inline int is_loaded(struct kvm_vcpu *vcpu)
{
	return (__u64)BPF_CORE_READ(vcpu, preempt_notifier.link.pprev) >> 56 == 0xff;
}

static __always_inline __u32 activity_of(struct kvm_vcpu *vcpu)
{
	if (!is_loaded(vcpu))
		return SPLIT_VMM;
	if (BPF_CORE_READ(vcpu, mode) == OUTSIDE_GUEST_MODE)
		return SPLIT_KVM;
	return runs_l2(vcpu) ? SPLIT_GUEST_L2 : SPLIT_GUEST;
}

/* The activity of a vCPU whose thread is off the CPU; SPLIT_UNKNOWN if it may be on one. */
static __always_inline __u32 away_activity_of(struct kvm_vcpu *vcpu)
{
	if (!is_loaded(vcpu))
		return SPLIT_UNKNOWN;
	if (BPF_CORE_READ(vcpu, preempted))
		return SPLIT_WAITING;
	return BPF_CORE_READ(vcpu, wait.task) ? SPLIT_IDLE : SPLIT_UNKNOWN;
}

/*
 * Begins the account of a vCPU that `task`'s process has. Its thread runs meanwhile: from the moment on at
 * which it finds the account, what it writes of the activity counts, and not what is seen here. `swaps`:
 * whether BPF can compare and exchange, 5.12 and later.
 */
static __always_inline int existing_begin(__u64 owner, struct task_struct *task, int swaps)
{
	struct kvm_vcpu *vcpu = (void *)owner;
	__u32 away = away_activity_of(vcpu), tid;
	struct split_account *account;
	int index_plus_one;
	__u32 index;

	if (account_search(owner))
		return 0;
	if (filters() && is_left_out_of(BPF_CORE_READ(task, tgid), BPF_CORE_READ(vcpu, vcpu_id)))
		return 0;
	index_plus_one = split_begin(owner, task, SPLIT_UNKNOWN);
	account = account_at_plus_one(index_plus_one);
	if (!account)
		return 0;
	index = index_plus_one - 1;
	account->tid = tid = BPF_CORE_READ(vcpu, pid, numbers[0].nr);
	runs_enter(tid, index);
	if (away != SPLIT_UNKNOWN && account->activity == SPLIT_UNKNOWN) {
		account->out_as = away;
		account->out_ns = account->first_ns;
	}
	if (swaps)
		__sync_val_compare_and_swap(&account->activity, SPLIT_UNKNOWN, activity_of(vcpu));
	else if (account->activity == SPLIT_UNKNOWN)
		account->activity = activity_of(vcpu);
	return 0;
}

static __always_inline int existing_look(const struct bpf_iter__task_file *context, int swaps)
{
	__u64 owner = context->file ? vcpu_of_file(context->file) : 0;

	return owner && context->task ? existing_begin(owner, context->task, swaps) : 0;
}

#endif
