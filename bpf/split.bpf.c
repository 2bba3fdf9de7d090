/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Splits each vCPU's time by what it does: programs on exits, entries, KVM_RUN and the preempt notifiers that
 * KVM has for threads that run a vCPU. No other task meets a program. The addon loads those that fit the
 * kernel.
 *
 * direct_*: x86, Linux 5.16 and later, with the modules' BTF. The vCPU is an argument.
 * probe_*: raw tracepoints and kprobes, anywhere. At events without a vCPU it is the one that the thread was
 *	last seen to run.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "kernel/types.h"
#include "split/maps.bpf.h"
#include "split/clock.bpf.h"
#ifdef __TARGET_ARCH_x86
#include "arch/x86.bpf.h"
#else
#include "arch/arm64.bpf.h"
#endif
#include "split/account.bpf.h"
#include "split/existing.bpf.h"
#include "accounts/filters.bpf.h"
#include "accounts/vcpu-owner.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* How long the current thread has waited for CPUs in its life. */
static __always_inline __u64 run_delay(int direct)
{
	struct task_struct *task;

	if (!bpf_core_field_exists(struct task_struct, sched_info.run_delay))
		return 0;
	if (direct) {
		task = (void *)bpf_get_current_task_btf();
		return task->sched_info.run_delay;
	}
	task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, sched_info.run_delay);
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

static __always_inline int leaves_cpu(__u64 owner, int direct)
{
	struct split_account *account = vcpu_known(owner);

	/* In the VMM it is another ioctl that has the vCPU loaded. */
	if (account && account->activity != SPLIT_VMM)
		clock_out(account, away_as((void *)owner), run_delay(direct));
	return 0;
}

static __always_inline int has_cpu(__u64 owner, int direct)
{
	struct split_account *account = vcpu_known(owner);
	struct kvm_vcpu *vcpu = (void *)owner;

	if (account && account->activity != SPLIT_VMM)
		clock_in(account, BPF_CORE_READ(vcpu, preempted), run_delay(direct));
	return 0;
}

#ifdef __TARGET_ARCH_x86

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

	if (account)
		clock_run(account, run_delay(1));
	return 0;
}

SEC("fexit/kvm_arch_vcpu_ioctl_run")
int BPF_PROG(direct_ran, struct kvm_vcpu *vcpu)
{
	struct split_account *account = direct_account(vcpu, SPLIT_KVM);
	__u64 now;

	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	direct_polls(account, vcpu, now);
	clock_ran(account, now, run_delay(1));
	return 0;
}

SEC("fentry/kvm_sched_out")
int BPF_PROG(direct_out, void *notifier)
{
	return leaves_cpu(owner_of_notifier(number_of(notifier)), 1);
}

SEC("fentry/kvm_sched_in")
int BPF_PROG(direct_in, void *notifier)
{
	return has_cpu(owner_of_notifier(number_of(notifier)), 1);
}

/* Not by a kprobe: see direct_vcpu_end in vmexit.bpf.c. */
SEC("fentry/kvm_arch_vcpu_destroy")
int BPF_PROG(direct_end, struct kvm_vcpu *vcpu)
{
	split_end(vcpu_owner(vcpu));
	return 0;
}

#endif

/* The account of the vCPU that the current thread runs; NULL if it isn't traced. */
static __always_inline struct split_account *thread_account(void)
{
	__u32 tid = bpf_get_current_pid_tgid(), *index = bpf_map_lookup_elem(&threads, &tid);
	struct split_account *account = index ? account_at(*index) : NULL;

	return account && account->thread == tid ? account : NULL;
}

static __always_inline void probe_polls(struct split_account *account, __u64 now)
{
	__u64 success_ns, fail_ns;

	polls_of((void *)account->owner, &success_ns, &fail_ns);
	clock_book_polls(account, success_ns, fail_ns, now);
}

SEC("raw_tp/kvm_exit")
int probe_exit(const void *context)
{
	struct split_account *account = thread_account();

	if (!account)
		return 0;
	account->exits++;
	clock_turn(account, SPLIT_KVM, bpf_ktime_get_ns());
	return 0;
}

SEC("raw_tp/kvm_entry")
int probe_entry(const void *context)
{
	struct split_account *account = thread_account();
	__u64 now;

	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	probe_polls(account, now);
	clock_turn(account, runs_l2((void *)account->owner) ? SPLIT_GUEST_L2 : SPLIT_GUEST, now);
	return 0;
}

SEC("kprobe/kvm_arch_vcpu_ioctl_run")
int probe_run(const void *registers)
{
	__u64 owner = first_argument(registers);
	struct kvm_vcpu *vcpu = (void *)owner;
	__u32 tid = bpf_get_current_pid_tgid(), index, *known = bpf_map_lookup_elem(&threads, &tid);
	struct split_account *account = known ? account_at(*known) : NULL;
	int index_plus_one;

	if (!account || account->owner != owner) {
		if (is_left_out(BPF_CORE_READ(vcpu, vcpu_id))) {
			bpf_map_delete_elem(&threads, &tid);
			return 0;
		}
		index_plus_one = split_find(owner, SPLIT_VMM);
		account = account_at_plus_one(index_plus_one);
		if (!account)
			return 0;
		index = index_plus_one - 1;
		bpf_map_update_elem(&threads, &tid, &index, BPF_ANY);
	}
	account->thread = tid;
	clock_run(account, run_delay(0));
	return 0;
}

/* The return of kvm_arch_vcpu_ioctl_run(): a return probe would hold one of its few instances all through it.
 */
SEC("raw_tp/kvm_userspace_exit")
int probe_ran(const void *context)
{
	struct split_account *account = thread_account();
	__u64 now;

	if (!account)
		return 0;
	now = bpf_ktime_get_ns();
	probe_polls(account, now);
	clock_ran(account, now, run_delay(0));
	return 0;
}

SEC("kprobe/kvm_sched_out")
int probe_out(const void *registers)
{
	return leaves_cpu(owner_of_notifier(first_argument(registers)), 0);
}

SEC("kprobe/kvm_sched_in")
int probe_in(const void *registers)
{
	return has_cpu(owner_of_notifier(first_argument(registers)), 0);
}

SEC("kprobe/kvm_arch_vcpu_destroy")
int probe_end(const void *registers)
{
	split_end(first_argument(registers));
	return 0;
}

SEC("iter/task_file")
int existing(const struct bpf_iter__task_file *context)
{
	return existing_look(context, 1);
}

SEC("iter/task_file")
int existing_plain(const struct bpf_iter__task_file *context)
{
	return existing_look(context, 0);
}
