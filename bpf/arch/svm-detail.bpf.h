/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SVM: an exit's detail from registers and the VMCB. */
#ifndef ARCH_SVM_DETAIL_BPF_H
#define ARCH_SVM_DETAIL_BPF_H

#include "x86-detail.bpf.h"
#include "x86.bpf.h"
#include "../vmexit/span.bpf.h"

/* EXITINFO1 of IOIO, AMD's manual, volume 2, 15.10.2: direction, string, size, port. */
#define SVM_PORT_BITS 0xffff0075ULL

/* The details that EXITINFO1 and 2 tell. */

static __always_inline __u64 svm_port(__u64 info1)
{
	return info1 & SVM_PORT_BITS;
}

/* Of AVIC_INCOMPLETE_IPI, AMD's manual, volume 2, 15.29.9.1: why it failed. */
static __always_inline __u64 avic_failure(__u64 info2)
{
	return info2 >> 32;
}

/* Of AVIC_UNACCELERATED_ACCESS, 15.29.9.2: the register's offset, and 1 for a write. */
static __always_inline __u64 avic_access(__u64 info1)
{
	return info1 & 0x100000ff0ULL;
}

/* Gives a span the detail of its SVM exit, if there is one. */
static __always_inline void svm_detail(const struct kvm_vcpu *vcpu, __u32 code, const struct vmcb *vmcb,
				       enum reads reads, struct vmexit_span *span)
{
	__u64 detail;

	if (code > SVM_VMMCALL && code == SVM_NPF) {
		detail = fault_detail(svm_info2(vmcb, reads), svm_info1(vmcb, reads));
		goto known;
	}
	/* The compiler would make one search of the two, in which faults come last. */
	barrier_var(code);
	switch (code) {
	case SVM_CPUID:
		detail = cpuid_detail(vcpu->arch.regs[RAX], vcpu->arch.regs[RCX]);
		break;
	case SVM_MSR:
		detail = (__u32)vcpu->arch.regs[RCX] | svm_info1(vmcb, reads) << 32;
		break;
	case SVM_IOIO:
		detail = svm_port(svm_info1(vmcb, reads));
		break;
	case SVM_VMMCALL:
		detail = vcpu_hypercall(vcpu);
		break;
	case SVM_AVIC_INCOMPLETE_IPI:
		detail = avic_failure(svm_info2(vmcb, reads));
		break;
	case SVM_AVIC_UNACCELERATED_ACCESS:
		detail = avic_access(svm_info1(vmcb, reads));
		break;
	case SVM_VMGEXIT:
		span_detail_unknown(span);
		return;
	default:
		return;
	}
known:
	span_detail(span, detail);
}

static __always_inline __u64 ghcb_detail(const struct kvm_vcpu *vcpu, __u32 code, __u64 info1)
{
	__u64 software = code >> 31 ? VMEXIT_GHCB_SOFTWARE : 0;
	__u64 reason = (__u64)(code & ((1 << VMEXIT_GHCB_REASON_BITS) - 1)) << VMEXIT_GHCB_SHIFT | software;

	switch (code) {
	case SVM_IOIO:
		return reason | svm_port(info1);
	case SVM_MSR:
		return reason | (__u32)vcpu->arch.regs[RCX] | (info1 & 1 ? VMEXIT_GHCB_WRITE : 0);
	case SVM_GHCB_MMIO_READ:
	case SVM_GHCB_MMIO_WRITE:
		return reason | (info1 & ((1ULL << VMEXIT_GHCB_SHIFT) - 1));
	}
	return reason;
}

/*
 * SEV-ES: at the entry that follows, the VMCB has the reason that the guest gave in its GHCB
 * (sev_es_sync_from_ghcb(), arch/x86/kvm/svm/sev.c), or VMGEXIT if it gave none. RAX is the answer by then.
 */
static __always_inline void svm_detail_at_entry(const struct kvm_vcpu *vcpu, const struct vmcb *vmcb,
						struct vmexit_span *span, int casts)
{
	__u32 code;

	if (!(span->key & VMEXIT_KEY_UNKNOWN) || (__u32)span->key != SVM_VMGEXIT || !vmcb)
		return;
	code = read_u32(&vmcb->control.exit_code, casts);
	if (code != SVM_VMGEXIT)
		detail_known(span, ghcb_detail(vcpu, code, read_u64(&vmcb->control.exit_info_1, casts)));
}

#endif
