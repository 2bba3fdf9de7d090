/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the scheduler knows of a vCPU's thread, and how the vCPU's clock follows it. */
#ifndef SPLIT_THREAD_BPF_H
#define SPLIT_THREAD_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "account.bpf.h"
#include "clock.bpf.h"
#include "../accounts/vcpu-owner.bpf.h"
#include "../kernel/types.h"

/* How long a thread has waited for CPUs in its life: the current one, as bpf_get_current_task_btf() has it.
 */
static __always_inline __u64 direct_run_delay(const struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info.run_delay) ? task->sched_info.run_delay : 0;
}

/* The same as bpf_get_current_task() has it. */
static __always_inline __u64 run_delay(__u64 task)
{
	struct task_struct *thread = (void *)task;

	return bpf_core_field_exists(thread->sched_info.run_delay)
		   ? BPF_CORE_READ(thread, sched_info.run_delay)
		   : 0;
}

/* Whether the current thread can run, were there a CPU. */
static __always_inline int is_runnable(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (bpf_core_field_exists(task->__state))
		return !BPF_CORE_READ(task, __state);
	return !BPF_CORE_READ((struct task_struct___state *)task, state);
}

/* What the thread of a vCPU, by its address, does while it has no CPU. */
static __always_inline __u32 away_as(struct kvm_vcpu *vcpu)
{
	if (BPF_CORE_READ(vcpu, wait.task))
		return SPLIT_IDLE;
	return is_runnable() ? SPLIT_WAITING : SPLIT_KVM_ASLEEP;
}

static __always_inline int leaves_cpu(__u64 owner)
{
	struct split_account *account = vcpu_known(owner);
	__u64 task = bpf_get_current_task();

	/* In the VMM it is another ioctl that has the vCPU loaded. */
	if (account && account->activity != SPLIT_VMM)
		clock_out(account, away_as((void *)owner), task, run_delay(task));
	return 0;
}

static __always_inline int has_cpu(__u64 owner)
{
	struct split_account *account = vcpu_known(owner);
	struct kvm_vcpu *vcpu = (void *)owner;
	__u64 task = bpf_get_current_task();

	if (account && account->activity != SPLIT_VMM)
		clock_in(account, BPF_CORE_READ(vcpu, preempted), task, run_delay(task));
	return 0;
}

#endif
