/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* VMX: an exit's detail from registers and, at the entry, from what KVM has read of the VMCS. */
#ifndef ARCH_VMX_DETAIL_BPF_H
#define ARCH_VMX_DETAIL_BPF_H

#include "x86-detail.bpf.h"
#include "../kernel/memory.bpf.h"
#include "../vmexit/span.bpf.h"

/* The exit qualification of an EPT violation, Intel's manual, volume 3, table 29-7, as an error code. */
static __always_inline __u64 ept_error(__u64 qualification)
{
	return (qualification & 2) | (qualification & 4) << 2;
}

/* Which bits of a VMX reason's exit qualification say what it is about; 0 where it says nothing. */
static __always_inline __u32 vmx_qualification_bits(__u32 reason)
{
	switch (reason) {
	case VMX_CR_ACCESS: /* register and kind of access */
		return 0x3f;
	case VMX_DR_ACCESS: /* register and direction */
		return 0x17;
	case VMX_IO_INSTRUCTION: /* port, string, direction and size */
		return 0xffff001f;
	case VMX_APIC_ACCESS: /* offset and kind of access */
		return 0xffff;
	case VMX_EOI_INDUCED: /* vector */
		return 0xff;
	case VMX_APIC_WRITE: /* offset */
		return 0xfff;
	case VMX_MSR_READ_IMM: /* the MSR */
	case VMX_MSR_WRITE_IMM:
		return 0xffffffff;
	}
	return 0;
}

/* Gives a span the detail of its VMX exit, if there is one that registers tell; or says that it isn't known
 * yet. */
static __always_inline void vmx_detail(const struct kvm_vcpu *vcpu, __u32 reason, struct vmexit_span *span)
{
	switch (reason) {
	case VMX_CPUID:
		span_detail(span, cpuid_detail(vcpu->arch.regs[RAX], vcpu->arch.regs[RCX]));
		return;
	case VMX_MSR_READ:
		span_detail(span, (__u32)vcpu->arch.regs[RCX]);
		return;
	case VMX_MSR_WRITE:
		span_detail(span, (__u32)vcpu->arch.regs[RCX] | VMEXIT_MSR_WRITE);
		return;
	case VMX_VMCALL:
		span_detail(span, vcpu_hypercall(vcpu));
		return;
	case VMX_EXCEPTION_NMI:
	case VMX_EXTERNAL_INTERRUPT:
	case VMX_EPT_VIOLATION:
	case VMX_EPT_MISCONFIG:
		span_detail_unknown(span);
		return;
	}
	if (vmx_qualification_bits(reason))
		span_detail_unknown(span);
}

/* VCPU_EXREG_EXIT_INFO_1 and _2 (VCPU_REG_ in 7.2), arch/x86/include/asm/kvm_host.h: whether KVM has read the
 * exit qualification, and the interruption information, since the exit. */
#define QUALIFICATION_IS_READ (1 << 23)
#define INTERRUPTION_IS_READ (1 << 24)

static __always_inline __u64 vmx_registers_read(const struct kvm_vcpu *vcpu)
{
	const struct kvm_vcpu___bitmap *bitmap = (void *)vcpu;

	if (bpf_core_field_size(vcpu->arch.regs_avail) == sizeof(__u32))
		return vcpu->arch.regs_avail;
	return bitmap->arch.regs_avail[0];
}

#define VMX_FIELD(vcpu, field) \
	(bpf_core_field_exists(struct vcpu_vmx, field) \
	     ? (const void *)&((struct vcpu_vmx *)(vcpu))->field \
	     : (const void *)&((struct vcpu_vmx___vt *)(vcpu))->vt.field)

/* VMX: what KVM read of the exit while it handled it, at the entry that follows. BPF has no VMREAD. */
static __always_inline void vmx_detail_at_entry(const struct kvm_vcpu *vcpu, struct vmexit_span *span,
						int casts)
{
	__u32 reason = span->key, information;
	__u64 qualification_bits, read;

	if (!(span->key & VMEXIT_KEY_UNKNOWN))
		return;
	read = vmx_registers_read(vcpu);
	if (reason <= VMX_EXTERNAL_INTERRUPT) {
		if (!(read & INTERRUPTION_IS_READ))
			return;
		information = read_u32(VMX_FIELD(vcpu, exit_intr_info), casts);
		detail_known(span, information & 0xff);
		return;
	}
	qualification_bits = vmx_qualification_bits(reason);
	if (qualification_bits && read & QUALIFICATION_IS_READ)
		detail_known(span, read_u32(VMX_FIELD(vcpu, exit_qualification), casts) & qualification_bits);
}

/* No event: SVM's VMCB has the address. */
#define NO_SVM_REASON 0xffffffff

static __always_inline void x86_fault(struct vmexit_span *span, __u64 address)
{
	if (x86_awaits(span, NO_SVM_REASON, VMX_EPT_VIOLATION))
		detail_known(span, fault_detail(address, ept_error(span->detail)));
}

/* kvm_mmu_page_fault() was called, which KVM tells an error code. */
static __always_inline void x86_handled_fault(struct vmexit_span *span, __u64 address, __u64 error)
{
	if (x86_awaits(span, NO_SVM_REASON, VMX_EPT_MISCONFIG))
		detail_known(span, fault_detail(address, FAULT_RESERVED));
	else if (x86_awaits(span, NO_SVM_REASON, VMX_EPT_VIOLATION))
		detail_known(span, fault_detail(address, error & ~FAULT_RESERVED));
}

static __always_inline void x86_mmio(struct vmexit_span *span, __u64 address)
{
	if (x86_awaits(span, NO_SVM_REASON, VMX_EPT_MISCONFIG))
		detail_known(span, fault_detail(address, FAULT_RESERVED));
}

#endif
