/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* x86: an exit's detail from the payloads of kvm_exit and of the events that follow it. */
#ifndef ARCH_X86_PAYLOAD_DETAIL_BPF_H
#define ARCH_X86_PAYLOAD_DETAIL_BPF_H

#include "svm-detail.bpf.h"
#include "vmx-detail.bpf.h"
#include "../kernel/fields.bpf.h"

/* The bits that a detail adds to the key of an exit, and the detail where kvm_exit's payload tells it. Else
 * it isn't known yet, and is EXITINFO1 or the exit qualification. */
static __always_inline __u64 payload_detail(const void *payload, __u32 isa, __u32 reason,
					    struct vmexit_account *account)
{
	__u64 info1 = field_u64(payload, FIELD_EXIT_INFO1), info2 = field_u64(payload, FIELD_EXIT_INFO2);
	__u64 *detail = &account->exit.detail;
	__u32 bits;

	*detail = info1;
	if (isa == ISA_SVM) {
		switch (reason) {
		case SVM_IOIO:
			*detail = svm_port(info1);
			return VMEXIT_KEY_DETAIL;
		case SVM_NPF:
			*detail = fault_detail(info2, info1);
			return VMEXIT_KEY_DETAIL;
		case SVM_AVIC_INCOMPLETE_IPI:
			*detail = avic_failure(info2);
			return VMEXIT_KEY_DETAIL;
		case SVM_AVIC_UNACCELERATED_ACCESS:
			*detail = avic_access(info1);
			return VMEXIT_KEY_DETAIL;
		case SVM_CPUID:
		case SVM_MSR:
		case SVM_VMMCALL:
		case SVM_VMGEXIT:
			return VMEXIT_KEY_UNKNOWN;
		}
		return 0;
	}
	if (reason <= VMX_EXTERNAL_INTERRUPT) {
		*detail = field_u32(payload, FIELD_EXIT_INTERRUPTION) & 0xff;
		return VMEXIT_KEY_DETAIL;
	}
	bits = vmx_qualification_bits(reason);
	if (bits) {
		*detail = info1 & bits;
		return VMEXIT_KEY_DETAIL;
	}
	switch (reason) {
	case VMX_CPUID:
	case VMX_MSR_READ:
	case VMX_MSR_WRITE:
	case VMX_VMCALL:
	case VMX_EPT_VIOLATION:
	case VMX_EPT_MISCONFIG:
		return VMEXIT_KEY_UNKNOWN;
	}
	return 0;
}

static __always_inline void x86_msr(struct vmexit_span *span, __u32 number)
{
	if (x86_awaits(span, SVM_MSR, VMX_MSR_READ))
		detail_known(span, number | (span->detail & 1) << 32);
	else if (x86_awaits(span, SVM_MSR, VMX_MSR_WRITE))
		detail_known(span, number | VMEXIT_MSR_WRITE);
}

static __always_inline void x86_cpuid(struct vmexit_span *span, __u32 leaf, __u32 subleaf)
{
	if (x86_awaits(span, SVM_CPUID, VMX_CPUID))
		detail_known(span, cpuid_detail(leaf, subleaf));
}

static __always_inline void x86_hypercall(struct vmexit_span *span, enum vmexit_hypercalls interface,
					  __u32 number)
{
	if (x86_awaits(span, SVM_VMMCALL, VMX_VMCALL))
		detail_known(span, hypercall_detail(interface, number));
}

/* The events that tell details, as in arm64.bpf.h. */
#define ARCH_DETAIL_EVENTS(EVENT) \
	EVENT(kvm_msr, msr, x86_msr(span, field_u32(payload, FIELD_MSR_NUMBER))) \
	EVENT( \
	    kvm_cpuid, cpuid, \
	    x86_cpuid(span, field_u32(payload, FIELD_CPUID_LEAF), field_u32(payload, FIELD_CPUID_SUBLEAF))) \
	EVENT(kvm_hypercall, hypercall, \
	      x86_hypercall(span, VMEXIT_HYPERCALL_KVM, field_u32(payload, FIELD_HYPERCALL_NUMBER))) \
	EVENT(kvm_hv_hypercall, hv_hypercall, \
	      x86_hypercall(span, VMEXIT_HYPERCALL_HYPERV, field_u32(payload, FIELD_HV_HYPERCALL_CODE))) \
	EVENT(kvm_xen_hypercall, xen_hypercall, \
	      x86_hypercall(span, VMEXIT_HYPERCALL_XEN, field_u32(payload, FIELD_XEN_HYPERCALL_NUMBER))) \
	EVENT(kvm_page_fault, fault, x86_fault(span, field_u64(payload, FIELD_FAULT_ADDRESS))) \
	EVENT(kvm_mmio, mmio, x86_mmio(span, field_u64(payload, FIELD_MMIO_ADDRESS))) \
	EVENT(kvm_fast_mmio, fast_mmio, x86_mmio(span, field_u64(payload, FIELD_FAST_MMIO_ADDRESS)))

#endif
