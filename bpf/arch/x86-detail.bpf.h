/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* x86: details (contract/detail.h) that SVM and VMX have in common, and the reasons that have one. */
#ifndef ARCH_X86_DETAIL_BPF_H
#define ARCH_X86_DETAIL_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../contract/detail.h"
#include "../contract/vmexit.h"
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
	SVM_VMGEXIT = 0x403,
	/* Reasons that only SEV-ES's guests give. */
	SVM_GHCB_MMIO_READ = 0x80000001,
	SVM_GHCB_MMIO_WRITE = 0x80000002,
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

enum { RAX, RCX };

/* Linux looks for its hypervisor at each 0x100th leaf from 0x40000000 to 0x40010000 when it boots. KVM has
 * nothing beyond the second: the others are one detail. */
static __always_inline __u64 cpuid_detail(__u32 leaf, __u64 subleaf)
{
	if (leaf - VMEXIT_CPUID_SEARCH < VMEXIT_CPUID_SEARCHED)
		return VMEXIT_CPUID_SEARCH;
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

static __always_inline __u64 hypercall_detail(enum vmexit_hypercalls interface, __u32 number)
{
	return (__u64)interface << VMEXIT_HYPERCALL_SHIFT | number;
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

/* As kvm_emulate_hypercall(), arch/x86/kvm/x86.c, decides between the interfaces. */
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

/* Whether an event of an SVM or VMX reason has the open exit's detail. */
static __always_inline int x86_awaits(const struct vmexit_span *span, __u32 svm, __u32 vmx)
{
	__u32 reason = span->key, isa = span->key >> VMEXIT_KEY_ISA_SHIFT & VMEXIT_KEY_ISA_MASK;

	return span->key & VMEXIT_KEY_UNKNOWN && reason == (isa == ISA_SVM ? svm : vmx);
}

#endif
