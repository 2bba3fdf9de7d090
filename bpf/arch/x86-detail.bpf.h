/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* x86: an exit's detail, see contract/detail.h, from registers, the VMCB, VMX's exit qualification or
 * payloads. */
#ifndef ARCH_X86_DETAIL_BPF_H
#define ARCH_X86_DETAIL_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../contract/detail.h"
#include "../contract/vmexit.h"
#include "../kernel/fields.bpf.h"
#include "../kernel/memory.bpf.h"
#include "../kernel/types.h"
#include "../kernel/verifier.bpf.h"
#include "../vmexit/span.bpf.h"

/* arch/x86/include/uapi/asm/svm.h, vmx.h */
enum {
	SVM_CPUID = 0x72,
	SVM_IOIO = 0x7b,
	SVM_MSR = 0x7c,
	SVM_VMMCALL = 0x81,
	SVM_NPF = 0x400,
	SVM_AVIC_INCOMPLETE_IPI = 0x401,
	SVM_AVIC_UNACCELERATED_ACCESS = 0x402,
};

enum {
	VMX_EXCEPTION_NMI = 0,
	VMX_EXTERNAL_INTERRUPT = 1,
	VMX_CPUID = 10,
	VMX_VMCALL = 18,
	VMX_CR_ACCESS = 28,
	VMX_DR_ACCESS = 29,
	VMX_IO_INSTRUCTION = 30,
	VMX_MSR_READ = 31,
	VMX_MSR_WRITE = 32,
	VMX_APIC_ACCESS = 44,
	VMX_EOI_INDUCED = 45,
	VMX_EPT_VIOLATION = 48,
	VMX_EPT_MISCONFIG = 49,
	VMX_APIC_WRITE = 56,
	VMX_MSR_READ_IMM = 84,
	VMX_MSR_WRITE_IMM = 85,
};

/* Bits of an x86 page fault's error code. */
#define FAULT_WRITE (1 << 1)
#define FAULT_RESERVED (1 << 3)
#define FAULT_FETCH (1 << 4)
#define PAGE_MASK 0xfffULL

/* EXITINFO1 of IOIO, AMD's manual, volume 2, 15.10.2: direction, string, size, port. */
#define SVM_PORT_BITS 0xffff0075ULL

enum { RAX, RCX };

static __always_inline __u64 cpuid_detail(__u32 leaf, __u64 subleaf)
{
	return leaf | subleaf << 32;
}

/* A fault at a guest-physical address: where KVM has MMIO the address is exact, elsewhere it is the page's.
 */
static __always_inline __u64 fault_detail(__u64 address, __u64 error)
{
	__u64 kept = (error & (FAULT_WRITE | FAULT_RESERVED | FAULT_FETCH)) ^ FAULT_RESERVED;

	/* The compiler would shift first, and need constants that are longer than an instruction's. */
	barrier_var(kept);
	if (!(error & FAULT_RESERVED))
		address &= ~PAGE_MASK;
	return address | kept << VMEXIT_FAULT_SHIFT;
}

/* The exit qualification of an EPT violation, Intel's manual, volume 3, table 29-7, as an error code. */
static __always_inline __u64 ept_error(__u64 qualification)
{
	return (qualification & 2) | (qualification & 4) << 2;
}

static __always_inline __u64 hypercall_detail(enum vmexit_hypercalls whose, __u32 number)
{
	return (__u64)whose << VMEXIT_HYPERCALL_SHIFT | number;
}

/* arch/x86/include/uapi/asm/kvm.h */
#define XEN_INTERCEPTS_HYPERCALLS 2

/*
 * A field by a plain load, through a pointer that the verifier knows. `struct kvm` is longer than the offset
 * of a load can say: the address is made first, and the compiler is kept from putting the two together again.
 */
#define FAR_FIELD(pointer, field) \
	({ \
		const char *address = (const char *)(pointer) + bpf_core_field_offset((pointer)->field); \
		barrier_var(address); \
		*(typeof((pointer)->field) *)address; \
	})

/* As kvm_emulate_hypercall(), arch/x86/kvm/x86.c, decides whose hypercall it is. */
static __always_inline __u64 vcpu_hypercall(const struct kvm_vcpu *vcpu)
{
	__u32 rax = vcpu->arch.regs[RAX], xen = 0;
	const struct kvm *kvm = vcpu->kvm;
	const struct kvm___xen *moved = (const void *)kvm;
	int hyperv = 0;

	if (bpf_core_field_exists(kvm->arch.xen_hvm_config))
		xen = FAR_FIELD(kvm, arch.xen_hvm_config.flags) & XEN_INTERCEPTS_HYPERCALLS;
	else if (bpf_core_field_exists(moved->arch.xen.hvm_config))
		xen = FAR_FIELD(moved, arch.xen.hvm_config.flags) & XEN_INTERCEPTS_HYPERCALLS;
	if (bpf_core_field_exists(vcpu->arch.hyperv_enabled) && vcpu->arch.hyperv_enabled)
		hyperv = !!FAR_FIELD(kvm, arch.hyperv.hv_guest_os_id);
	/* A guest of Xen that uses Hyper-V's, too, sets bit 31: kvm_xen_hypercall(), arch/x86/kvm/xen.c. */
	if (xen && !(hyperv && rax >> 31))
		return hypercall_detail(VMEXIT_HYPERCALL_XEN, rax);
	/* In RCX's low half of the low half in 64-bit code, which these guests are. */
	if (hyperv)
		return hypercall_detail(VMEXIT_HYPERCALL_HYPERV, (__u16)vcpu->arch.regs[RCX]);
	return hypercall_detail(VMEXIT_HYPERCALL_KVM, rax);
}

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
	default:
		return;
	}
known:
	span_detail(span, detail);
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

/* The bits that a detail adds to the key of an exit, and the detail where kvm_exit's payload tells it. Else
 * it isn't known yet, and is EXITINFO1 or the exit qualification. */
static __always_inline __u64 payload_detail(const void *payload, __u32 isa, __u32 reason, __u64 *detail)
{
	__u64 info1 = field_u64(payload, FIELD_EXIT_INFO1), info2 = field_u64(payload, FIELD_EXIT_INFO2);
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

/* Whether an event of an SVM or VMX reason tells the open exit's detail. */
static __always_inline int x86_awaits(const struct vmexit_span *span, __u32 svm, __u32 vmx)
{
	__u32 reason = span->key, isa = span->key >> VMEXIT_KEY_ISA_SHIFT & VMEXIT_KEY_ISA_MASK;

	return span->key & VMEXIT_KEY_UNKNOWN && reason == (isa == ISA_SVM ? svm : vmx);
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

static __always_inline void x86_hypercall(struct vmexit_span *span, enum vmexit_hypercalls whose,
					  __u32 number)
{
	if (x86_awaits(span, SVM_VMMCALL, VMX_VMCALL))
		detail_known(span, hypercall_detail(whose, number));
}

/* SVM's VMCB has told the address. */
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
