/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Splits each vCPU's time by what it does: programs on exits, entries, KVM_RUN and the preempt notifiers that
 * KVM has for threads that run a vCPU. No other task meets a program. The addon loads those that fit the
 * kernel.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "split/maps.bpf.h"
#include "split/clock.bpf.h"
#include "arch/arch.bpf.h"
#ifdef __TARGET_ARCH_x86
#include "programs/split-direct.bpf.h"
#endif
#include "programs/split-probe.bpf.h"
#include "split/existing.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

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
