/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ppc64 with KVM HV: from an event to the reason of an exit, trap in arch/powerpc/kvm/trace_hv.h, and to its
 * detail, from the vCPU that the CPU runs. kvm_exit is kvm_hv's kvm_guest_exit, which the addon knows.
 */
#ifndef ARCH_PPC64_BPF_H
#define ARCH_PPC64_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../contract/detail.h"
#include "../contract/isa.h"
#include "../contract/vmexit.h"
#include "../kernel/fields.bpf.h"
#include "../kernel/running-vcpu.bpf.h"
#include "../kernel/types.h"
#include "../vmexit/detail.bpf.h"

/* The tracepoints don't tell it. */
static __always_inline int runs_l2(struct kvm_vcpu *vcpu)
{
	return 0;
}

/* The first argument of a function that a kprobe is on: struct pt_regs begins with r0. */
static __always_inline __u64 first_argument(const void *registers)
{
	return ((const __u64 *)registers)[3];
}

#define ARCH_ISA ISA_PPC64

static __always_inline __u32 payload_reason(const void *payload)
{
	return field_u32(payload, FIELD_EXIT_PPC64_TRAP);
}

/* BOOK3S_INTERRUPT_*, arch/powerpc/include/asm/kvm_asm.h */
enum {
	PPC64_SYSCALL = 0xc00,
	PPC64_H_DATA_STORAGE = 0xe00,
	PPC64_H_INST_STORAGE = 0xe20,
};

/* DSISR_ISSTORE, arch/powerpc/include/asm/reg.h */
#define PPC64_STORE 0x02000000
#define PPC64_PAGE_MASK 0xfffULL

/* Where the guest-physical memory faulted; its lower 12 bits are the effective address's. */
static __always_inline __u64 ppc64_fault(struct kvm_vcpu___ppc64 *vcpu, __u32 reason,
					 struct vmexit_account *account)
{
	__u64 page = BPF_CORE_READ(vcpu, arch.fault_gpa) & ~PPC64_PAGE_MASK;

	account->offset = BPF_CORE_READ(vcpu, arch.fault_dar) & PPC64_PAGE_MASK;
	account->exit.detail = page | VMEXIT_FAULT_PAGE;
	if (reason == PPC64_H_INST_STORAGE)
		account->exit.detail |= VMEXIT_FAULT_FETCH;
	else if (BPF_CORE_READ(vcpu, arch.fault_dsisr) & PPC64_STORE)
		account->exit.detail |= VMEXIT_FAULT_WRITE;
	return VMEXIT_KEY_DETAIL;
}

/* The bits that a detail adds to the key. */
static __always_inline __u64 payload_detail(const void *payload, __u32 isa, __u32 reason,
					    struct vmexit_account *account)
{
	struct kvm_vcpu___ppc64 *vcpu;

	if (reason != PPC64_SYSCALL && reason != PPC64_H_DATA_STORAGE && reason != PPC64_H_INST_STORAGE)
		return 0;
	vcpu = (void *)running_vcpu();
	if (!vcpu || !bpf_core_field_exists(vcpu->arch.fault_gpa))
		return VMEXIT_KEY_UNKNOWN;
	if (reason != PPC64_SYSCALL)
		return ppc64_fault(vcpu, reason, account);
	/* The number of a hypercall is in r3. */
	account->exit.detail = (__u32)BPF_CORE_READ(vcpu, arch.regs.gpr[3]);
	return VMEXIT_KEY_DETAIL;
}

#define ARCH_DETAIL_EVENTS(EVENT) \
	EVENT(kvm_userspace_exit, device, \
	      device_fault(span, account->offset, field_u32(payload, FIELD_RUN_REASON), \
			   field_u32(payload, FIELD_RUN_ERRNO)))

#define ARCH_RUN_PAGE running_run_page()

#endif
