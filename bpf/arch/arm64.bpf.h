/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* arm64: from an event to the reason of an exit, (ret, esr_ec) in arch/arm64/kvm/trace_arm.h. */
#ifndef ARCH_ARM64_BPF_H
#define ARCH_ARM64_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "../contract/isa.h"
#include "../kernel/fields.bpf.h"
#include "../kernel/types.h"

/* The exception class fits into 8 bits; it is 0 unless the guest trapped. */
static __always_inline __u32 arm64_reason(__u32 ret, __u32 exception_class)
{
	return ret << 8 | exception_class;
}

/* No supported kernel's statistics tell it. */
static __always_inline int runs_l2(struct kvm_vcpu *vcpu)
{
	return 0;
}

/* The first argument of a function that a kprobe is on: struct pt_regs begins with X0. */
static __always_inline __u64 first_argument(const void *registers)
{
	return *(const __u64 *)registers;
}

/* The raw tracepoint kvm_entry is given the guest's PC alone; its payload has no more. */
static __always_inline int given_vcpu_id(const void *context)
{
	return -1;
}

/* Of kvm_exit's payload. */
static __always_inline __u32 payload_isa(const void *payload)
{
	return ISA_ARM64;
}

static __always_inline __u32 payload_reason(const void *payload)
{
	return arm64_reason(field_u32(payload, FIELD_EXIT_ARM64_RETURN),
			    field_u32(payload, FIELD_EXIT_ARM64_CLASS));
}

#endif
