/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* x86: an exit's instruction set (isa), level and reason, read from an event. */
#ifndef ARCH_X86_BPF_H
#define ARCH_X86_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../contract/isa.h"
#include "../contract/symbols.h"
#include "../kernel/fields.bpf.h"
#include "../kernel/memory.bpf.h"
#include "../kernel/types.h"
#include "../kernel/verifier.bpf.h"

/* The reason of a VMX vCPU's exit. */
static __always_inline __u32 vmx_reason(const void *vcpu, int casts)
{
	if (bpf_core_field_exists(struct vcpu_vmx, exit_reason))
		return read_u32(&((struct vcpu_vmx *)vcpu)->exit_reason.full, casts);
	return read_u32(&((struct vcpu_vmx___vt *)vcpu)->vt.exit_reason.full, casts);
}

/*
 * Where kernel memory is read through a helper only, that costs some 80 instructions; but a kernel variable's
 * pointers are followed by plain loads, and svm_data's mostly has the VMCB's address: not after KVM went on
 * to L2 or back. NULL if this CPU's has not.
 */
static __always_inline struct vmcb *svm_near(const struct vmcb *vmcb)
{
	const struct svm_cpu_data *cpu_data;
	struct svm_cpu_data *cpu;
	struct vmcb *current;

	asm volatile("%0 = %1 ll" : "=r"(cpu_data) : "i"(KERNEL_SVM_DATA));
	if (!cpu_data)
		return NULL;
	cpu = bpf_this_cpu_ptr(cpu_data);
	current = cpu->current_vmcb;
	return address_of(current) == (__u64)vmcb ? current : NULL;
}

/* How the fields of a VMCB are read. */
enum reads {
	NEAR, /* from what svm_near() gives */
	CAST,
	FAR, /* through the helper */
};

static __always_inline __u32 svm_exit_code(const struct vmcb *vmcb, enum reads reads)
{
	return reads == NEAR ? vmcb->control.exit_code : read_u32(&vmcb->control.exit_code, reads == CAST);
}

static __always_inline __u64 svm_info1(const struct vmcb *vmcb, enum reads reads)
{
	return reads == NEAR ? vmcb->control.exit_info_1
			     : read_u64(&vmcb->control.exit_info_1, reads == CAST);
}

static __always_inline __u64 svm_info2(const struct vmcb *vmcb, enum reads reads)
{
	return reads == NEAR ? vmcb->control.exit_info_2
			     : read_u64(&vmcb->control.exit_info_2, reads == CAST);
}

/* The VMCB of an SVM vCPU that runs L2. */
static __always_inline const struct vmcb *svm_vmcb_of_l2(const struct kvm_vcpu *vcpu)
{
	return BPF_CORE_READ((const struct vcpu_svm *)vcpu, vmcb);
}

/* That of one that runs L1. `vmcb01` keeps its address. */
static __always_inline const struct vmcb *svm_vmcb_of_l1(const struct kvm_vcpu *vcpu, __u64 *vmcb01)
{
	const struct vmcb *vmcb = (void *)*vmcb01;

	if (!vmcb) {
		vmcb = BPF_CORE_READ((const struct vcpu_svm *)vcpu, vmcb01.ptr);
		*vmcb01 = (__u64)vmcb;
	}
	return vmcb;
}

/* HF_GUEST_MASK before 5.14, arch/x86/include/asm/kvm_host.h; from then on kvm_vcpu_stat has guest_mode. */
#define HFLAGS_L2 (1 << 5)

/* Whether a vCPU, by its address, runs L2. */
static __always_inline int runs_l2(struct kvm_vcpu *vcpu)
{
	if (bpf_core_field_exists(vcpu->stat.guest_mode))
		return !!BPF_CORE_READ(vcpu, stat.guest_mode);
	return !!(BPF_CORE_READ(vcpu, arch.hflags) & HFLAGS_L2);
}

/* The first argument of a function that a kprobe is on: struct pt_regs has RDI after 14 other registers. */
static __always_inline __u64 first_argument(const void *registers)
{
	return ((const __u64 *)registers)[14];
}

/* The number of the vCPU that the raw tracepoint kvm_entry is given. */
static __always_inline int given_vcpu_id(const struct bpf_raw_tracepoint_args *context)
{
	return BPF_CORE_READ((struct kvm_vcpu *)context->args[0], vcpu_id);
}

/* Of kvm_exit's payload. */
static __always_inline __u32 payload_isa(const void *payload)
{
	return field_u32(payload, FIELD_EXIT_ISA);
}

static __always_inline __u32 payload_reason(const void *payload)
{
	return field_u32(payload, FIELD_EXIT_REASON);
}

#endif
