/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* probe_*: programs on raw tracepoints and kprobes, anywhere. At events without a vCPU it is the one that the
 * thread was last seen to run. */
#ifndef PROGRAMS_SPLIT_PROBE_BPF_H
#define PROGRAMS_SPLIT_PROBE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../split/account.bpf.h"
#include "../split/clock.bpf.h"
#include "../split/thread.bpf.h"
#include "../accounts/filters.bpf.h"

/* The account of the vCPU that the current thread runs; NULL if it isn't traced. */
static __always_inline struct split_account *thread_account(void)
{
	__u32 tid = bpf_get_current_pid_tgid(), *index = bpf_map_lookup_elem(&threads, &tid);
	struct split_account *account = index ? account_at(*index) : NULL;

	return account && account->tid == tid ? account : NULL;
}

/* Books what was polled until now, which it returns. */
static __always_inline __u64 probe_polls(struct split_account *account)
{
	__u64 now = bpf_ktime_get_ns(), success_ns, fail_ns;

	polls_of((void *)account->owner, &success_ns, &fail_ns);
	clock_book_polls(account, success_ns, fail_ns, now);
	return now;
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
	now = probe_polls(account);
	clock_turn(account, runs_l2((void *)account->owner) ? SPLIT_GUEST_L2 : SPLIT_GUEST, now);
	return 0;
}

SEC("kprobe/kvm_arch_vcpu_ioctl_run")
int probe_run(const void *registers)
{
	__u64 owner = first_argument(registers), task = bpf_get_current_task();
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
	account->tid = tid;
	clock_run(account, task, run_delay(task));
	return 0;
}

/* The return of kvm_arch_vcpu_ioctl_run(): a return probe would hold one of its few instances all through it.
 */
SEC("raw_tp/kvm_userspace_exit")
int probe_ran(const void *context)
{
	struct split_account *account = thread_account();
	__u64 task = bpf_get_current_task(), now;

	if (!account)
		return 0;
	now = probe_polls(account);
	clock_ran(account, now, task, run_delay(task));
	return 0;
}

SEC("kprobe/kvm_sched_out")
int probe_out(const void *registers)
{
	return leaves_cpu(owner_of_notifier(first_argument(registers)));
}

SEC("kprobe/kvm_sched_in")
int probe_in(const void *registers)
{
	return has_cpu(owner_of_notifier(first_argument(registers)));
}

SEC("kprobe/kvm_arch_vcpu_destroy")
int probe_end(const void *registers)
{
	split_end(first_argument(registers));
	return 0;
}

#endif
