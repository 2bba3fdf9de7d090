/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A vCPU's clock: it is in one activity at a time, and each change adds the time since the last one to the
 * activity that ends. So all activities together are the time since the account began, by construction.
 */
#ifndef SPLIT_CLOCK_BPF_H
#define SPLIT_CLOCK_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../accounts/buckets.bpf.h"
#include "../kernel/verifier.bpf.h"
#include "maps.bpf.h"

/* One activity ends, another begins. */
static __always_inline void clock_turn(struct split_account *account, __u32 activity, __u64 now)
{
	account->ns[KEPT_MASK(account->activity, SPLIT_ROOM - 1)] += now - account->since_ns;
	account->since_ns = now;
	account->activity = activity;
}

/* Some of the time since the last change belongs to another activity: the one that is open has it no longer.
 */
static __always_inline void clock_book(struct split_account *account, __u32 activity, __u64 ns)
{
	account->ns[activity] += ns;
	account->since_ns += ns;
}

/* A wait for a CPU is over: as clock_book(). */
static __always_inline void clock_book_wait(struct split_account *account, __u32 activity, __u64 ns)
{
	__u32 bucket = bucket_of(ns);

	clock_book(account, activity, ns);
	if (bucket < VMEXIT_BUCKETS)
		account->waits[bucket]++;
	if (ns > account->max_wait_ns)
		account->max_wait_ns = ns;
}

/* Of that, as much as is open. */
static __always_inline void clock_book_most(struct split_account *account, __u32 activity, __u64 ns,
					    __u64 now)
{
	__u64 open_ns = now - account->since_ns;

	clock_book(account, activity, ns < open_ns ? ns : open_ns);
}

/*
 * What KVM polled since it was last asked, by its own counts, which it raises when a halt ends. What is
 * beyond the time that is open was polled before the account began, or while another task had the CPU.
 */
static __always_inline void clock_book_polls(struct split_account *account, __u64 success_ns, __u64 fail_ns,
					     __u64 now)
{
	if (success_ns == account->polled_success_ns && fail_ns == account->polled_fail_ns)
		return;
	clock_book_most(account, SPLIT_POLL_SUCCESS, success_ns - account->polled_success_ns, now);
	clock_book_most(account, SPLIT_POLL_FAIL, fail_ns - account->polled_fail_ns, now);
	account->polled_success_ns = success_ns;
	account->polled_fail_ns = fail_ns;
}

/* The run delay of a thread, by its address, from here on. */
static __always_inline void clock_note_delay(struct split_account *account, __u64 task, __u64 run_delay_ns)
{
	account->task = task;
	account->run_delay_ns = run_delay_ns;
}

/* The thread leaves its CPU. */
static __always_inline void clock_out(struct split_account *account, __u32 as, __u64 task, __u64 run_delay_ns)
{
	account->out_as = as;
	clock_note_delay(account, task, run_delay_ns);
	account->out_ns = bpf_ktime_get_ns();
}

/* How long a thread has waited for a CPU of the last `ns`, by the run delay that the scheduler keeps. */
static __always_inline __u64 waited_of(const struct split_account *account, __u64 ns, __u64 task,
				       __u64 run_delay_ns)
{
	__u64 waited = run_delay_ns - account->run_delay_ns;

	if (account->task != task)
		return 0;
	return waited > ns ? ns : waited;
}

static __always_inline void clock_note_cpu(struct split_account *account)
{
	__u32 cpu = bpf_get_smp_processor_id();

	if (account->cpu == cpu)
		return;
	account->cpu = cpu;
	account->migrations++;
}

/*
 * The thread has a CPU again. If it was pre-empted it could run all the while: the run delay leaves out the
 * switches themselves. Else it slept first, and waited for a CPU when it was woken.
 */
static __always_inline void clock_in(struct split_account *account, int preempted, __u64 task,
				     __u64 run_delay_ns)
{
	__u64 away, waited;

	if (account->out_ns < account->since_ns)
		return;
	away = bpf_ktime_get_ns() - account->out_ns;
	account->out_ns = 0;
	waited = preempted ? away : waited_of(account, away, task, run_delay_ns);
	if (waited)
		clock_book_wait(account, SPLIT_WAITING, waited);
	if (!preempted) {
		__u64 asleep = away - waited;

		if (account->out_as == SPLIT_IDLE) {
			clock_book(account, SPLIT_IDLE, asleep);
			account->wakeups++;
			if (asleep > account->max_idle_ns)
				account->max_idle_ns = asleep;
		} else {
			clock_book(account, SPLIT_KVM_ASLEEP, asleep);
		}
	}
	clock_note_cpu(account);
}

/* KVM_RUN begins. */
static __always_inline void clock_run(struct split_account *account, __u64 task, __u64 run_delay_ns)
{
	__u64 now = bpf_ktime_get_ns(), waited;

	if (account->activity == SPLIT_VMM) {
		waited = waited_of(account, now - account->since_ns, task, run_delay_ns);
		if (waited)
			clock_book_wait(account, SPLIT_VMM_WAITING, waited);
	}
	clock_turn(account, SPLIT_KVM, now);
	clock_note_cpu(account);
}

/* KVM_RUN ends, or is about to: until the thread is back, what it waits is the VMM's. */
static __always_inline void clock_ran(struct split_account *account, __u64 now, __u64 task,
				      __u64 run_delay_ns)
{
	clock_turn(account, SPLIT_VMM, now);
	clock_note_delay(account, task, run_delay_ns);
	account->returns++;
}

#endif
