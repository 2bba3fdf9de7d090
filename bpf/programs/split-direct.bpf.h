/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* direct_*: programs of x86, Linux 5.16 and later, with the modules' BTF. The vCPU is an argument. */
#ifndef PROGRAMS_SPLIT_DIRECT_BPF_H
#define PROGRAMS_SPLIT_DIRECT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "../split/account.bpf.h"
#include "../split/clock.bpf.h"
#include "../split/runs.bpf.h"
#include "../split/thread.bpf.h"
#include "../accounts/filters.bpf.h"
#include "../accounts/vcpu-owner.bpf.h"

/* The account of the current thread's vCPU; NULL if it isn't traced. */
static __always_inline struct split_account *direct_account(struct kvm_vcpu *vcpu, __u32 activity)
{
	struct split_account *account = vcpu_lookup(vcpu);

	if (account)
		return account;
	if (is_left_out(vcpu->vcpu_id))
		return NULL;
	return account_at_plus_one(split_find(vcpu_owner(vcpu), activity));
}

static __always_inline void direct_polls(struct split_account *account, struct kvm_vcpu *vcpu, __u64 now)
{
	clock_book_polls(account, vcpu->stat.generic.halt_poll_success_ns,
			 vcpu->stat.generic.halt_poll_fail_ns, now);
}

SEC("tp_btf/kvm_exit")
int BPF_PROG(direct_exit, struct kvm_vcpu *vcpu)
{
	struct split_account *account = vcpu ? direct_account(vcpu, SPLIT_GUEST) : NULL;

	if (!account)
		return 0;
	account->exits++;
	clock_turn(account, SPLIT_KVM, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/kvm_entry")
int BPF_PROG(direct_entry, struct kvm_vcpu *vcpu)
{
	struct split_account *account = vcpu ? direct_account(vcpu, SPLIT_KVM) : NULL;
	__u64 now;

	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	direct_polls(account, vcpu, now);
	clock_turn(account, vcpu->stat.guest_mode ? SPLIT_GUEST_L2 : SPLIT_GUEST, now);
	return 0;
}

SEC("fentry/kvm_arch_vcpu_ioctl_run")
int BPF_PROG(direct_run, struct kvm_vcpu *vcpu)
{
	struct split_account *account = direct_account(vcpu, SPLIT_VMM);
	struct task_struct *task = (void *)bpf_get_current_task_btf();

	if (!account)
		return 0;
	run_begins(account, (__u64)task, low_half(task));
	clock_run(account, (__u64)task, direct_run_delay(task));
	return 0;
}

/* What a KVM_RUN that fails, as one that a signal interrupts, has polled since the last entry. */
OUT_OF_LINE int polls_of_failed(struct split_account *account, __u64 now)
{
	__u64 success_ns, fail_ns;

	polls_of((void *)account->owner, &success_ns, &fail_ns);
	clock_book_polls(account, success_ns, fail_ns, now);
	return 0;
}

SEC("tp_btf/kvm_userspace_exit")
int BPF_PROG(direct_ran, __u32 reason, int status)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct split_account *account = run_ends((__u64)task, low_half(task));
	__u64 now;

	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	if (status < 0)
		polls_of_failed(account, now);
	clock_ran(account, now, (__u64)task, direct_run_delay(task));
	return 0;
}

SEC("fentry/kvm_sched_out")
int BPF_PROG(direct_out, void *notifier)
{
	return leaves_cpu(owner_of_notifier(number_of(notifier)));
}

SEC("fentry/kvm_sched_in")
int BPF_PROG(direct_in, void *notifier)
{
	return has_cpu(owner_of_notifier(number_of(notifier)));
}

/* Not by a kprobe: see direct_vcpu_end in programs/vmexit-direct.bpf.h. */
SEC("fentry/kvm_arch_vcpu_destroy")
int BPF_PROG(direct_end, struct kvm_vcpu *vcpu)
{
	split_end(vcpu_owner(vcpu));
	return 0;
}

#endif
