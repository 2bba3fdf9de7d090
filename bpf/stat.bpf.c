/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counts every tracepoint of system kvm, and the reasons of kvm_exit and kvm_userspace_exit, for kvm-stat.
 *
 * Raw tracepoints throughout: they skip the tracepoint's payload, which costs more than all that is done
 * here. Only where neither the kernel's BTF nor an argument tells an exit's reason, kvm_exit is read from its
 * payload.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel/memory.bpf.h"
#include "kernel/types.h"
#include "contract/stat.h"
#include "arch/arch.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct stat_filter filter SEC(".bss.filter");

struct stat_counts counts[STAT_CPU_SLOTS] SEC(".bss.counts");

/* By CPU; the addon sets max_entries. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stat_children);
} children SEC(".maps");

static __always_inline int filtered_out(void)
{
	return filter.tgid && filter.tgid != bpf_get_current_pid_tgid() >> 32;
}

/* The slot of `key`, which isn't where it hashes to: further on, or a free one which becomes its own. */
static __always_inline struct stat_child *seek_child(struct stat_child *slots, __u64 key)
{
	struct stat_child *child;
	__u32 i;

	for (i = 0; i < STAT_CHILDREN; i++) {
		child = &slots[((__u32)key + i) % STAT_CHILDREN];
		if (!child->key)
			child->key = key;
		if (child->key == key)
			return child;
	}
	return NULL;
}

/*
 * Only vCPU threads come here, never interrupts, and the kernel runs no event's program twice at a time on a
 * CPU: its slots for an event have one writer, though another event's program may preempt it (Linux 7.2).
 */
static __always_inline int count_child(__u32 event, __u64 kind, __u32 reason)
{
	__u64 key = STAT_CHILD_TAKEN | kind << STAT_CHILD_KIND_SHIFT | reason;
	__u32 cpu = bpf_get_smp_processor_id();
	struct stat_children *of = bpf_map_lookup_elem(&children, &cpu);
	struct stat_child *child;

	if (!of)
		return 0;
	child = &of->slots[event][reason % STAT_CHILDREN];
	if (child->key != key)
		child = seek_child(of->slots[event], key);
	if (child)
		child->count++;
	else
		of->unplaced[event]++;
	return 0;
}

SEC("raw_tp")
int plain_event(const void *context)
{
	__u32 cpu, event;

	if (filtered_out())
		return 0;
	cpu = bpf_get_smp_processor_id() % STAT_CPU_SLOTS;
	/* Out of the compiler's sight, which may not know it. */
	asm volatile("%0 = %1" : "=r"(event) : "i"(STAT_EVENT_PLACEHOLDER));
	/* Atomic also because an interrupt may bring the same event here: irqfd's brings a vCPU's
	 * kvm_set_irq. */
	__sync_fetch_and_add(&counts[cpu].events[event % STAT_EVENTS], 1);
	return 0;
}

SEC("raw_tp/kvm_userspace_exit")
int userspace_exit(const struct bpf_raw_tracepoint_args *context)
{
	if (filtered_out())
		return 0;
	return count_child(STAT_EVENT_USERSPACE_EXIT, STAT_KIND_USERSPACE, context->args[0]);
}

#ifdef __TARGET_ARCH_x86

/* Before 5.16 the arguments are the reason, the vCPU and the isa. */
SEC("raw_tp/kvm_exit")
int exit_raw(const struct bpf_raw_tracepoint_args *context)
{
	if (filtered_out())
		return 0;
	return count_child(STAT_EVENT_EXIT, context->args[2] == ISA_SVM ? ISA_SVM : ISA_VMX,
			   context->args[0]);
}

/* Since 5.16 (commit 0a62a0319abb) the first argument is the vCPU, and the reason is in the vendor's part of
 * it. */
static __always_inline int count_svm(const struct bpf_raw_tracepoint_args *context, int casts)
{
	struct vcpu_svm *svm = (void *)context->args[0];
	struct vmcb *vmcb;

	if (filtered_out())
		return 0;
	vmcb = read_pointer(&svm->vmcb, casts);
	return count_child(STAT_EVENT_EXIT, ISA_SVM, read_u32(&vmcb->control.exit_code, casts));
}

static __always_inline int count_vmx(const struct bpf_raw_tracepoint_args *context, int casts)
{
	if (filtered_out())
		return 0;
	return count_child(STAT_EVENT_EXIT, ISA_VMX, vmx_reason((void *)context->args[0], casts));
}

SEC("raw_tp/kvm_exit")
int exit_svm(const struct bpf_raw_tracepoint_args *context)
{
	return count_svm(context, 0);
}

SEC("raw_tp/kvm_exit")
int exit_svm_cast(const struct bpf_raw_tracepoint_args *context)
{
	return count_svm(context, 1);
}

SEC("raw_tp/kvm_exit")
int exit_vmx(const struct bpf_raw_tracepoint_args *context)
{
	return count_vmx(context, 0);
}

SEC("raw_tp/kvm_exit")
int exit_vmx_cast(const struct bpf_raw_tracepoint_args *context)
{
	return count_vmx(context, 1);
}

#endif

#ifdef ARCH_RAW_REASON

SEC("raw_tp/kvm_exit")
int exit_only(const struct bpf_raw_tracepoint_args *context)
{
	__u32 reason = ARCH_RAW_REASON(context->args);

	if (filtered_out())
		return 0;
	return count_child(STAT_EVENT_EXIT, ARCH_ISA, reason);
}

#else

static __always_inline int count_payload(const void *payload, __u64 isa)
{
	if (!filtered_out())
		count_child(STAT_EVENT_EXIT, isa, payload_reason(payload));
	return PASS_ON;
}

/* Where the architecture has one instruction set. */
#ifdef ARCH_ISA

SEC("tp/kvm/kvm_exit")
int exit_only(const void *payload)
{
	return count_payload(payload, ARCH_ISA);
}

#else

SEC("tp/kvm/kvm_exit")
int record_exit_svm(const void *payload)
{
	return count_payload(payload, ISA_SVM);
}

SEC("tp/kvm/kvm_exit")
int record_exit_vmx(const void *payload)
{
	return count_payload(payload, ISA_VMX);
}

#endif

#endif
