/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * riscv64: from an event to the reason of an exit, scause in arch/riscv/kvm/trace.h, and to its detail, from
 * kvm_exit's payload and the vCPU that the CPU runs.
 */
#ifndef ARCH_RISCV64_BPF_H
#define ARCH_RISCV64_BPF_H

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

/* KVM has no nested guests here. */
static __always_inline int runs_l2(struct kvm_vcpu *vcpu)
{
	return 0;
}

/* The first argument of a function that a kprobe is on: struct pt_regs has a0 after pc and nine registers. */
static __always_inline __u64 first_argument(const void *registers)
{
	return ((const __u64 *)registers)[10];
}

#define ARCH_ISA ISA_RISCV64

/* Of 64 bits of scause those of the cause, below 32, and the highest one, which says that it is an interrupt:
 * as bit 31. */
#define RISCV_INTERRUPT 0x80000000U

static __always_inline __u32 payload_reason(const void *payload)
{
	__u64 cause = field_u64(payload, FIELD_EXIT_RISCV_CAUSE);

	return cause | (cause >> 32 & RISCV_INTERRUPT);
}

/* arch/riscv/include/asm/csr.h */
enum {
	RISCV_SUPERVISOR_SYSCALL = 10,
	RISCV_INST_GUEST_PAGE_FAULT = 20,
	RISCV_LOAD_GUEST_PAGE_FAULT = 21,
	RISCV_VIRTUAL_INST_FAULT = 22,
	RISCV_STORE_GUEST_PAGE_FAULT = 23,
};

#define RISCV_PAGE_MASK 0xfffULL

/* htval has the guest-physical address without its two low bits, which are the virtual address's. */
static __always_inline __u64 riscv_fault(const void *payload, __u32 reason, struct vmexit_account *account)
{
	__u64 address = field_u64(payload, FIELD_EXIT_RISCV_HTVAL) << 2 |
			(field_u32(payload, FIELD_EXIT_RISCV_STVAL) & 3);

	account->offset = address & RISCV_PAGE_MASK;
	account->exit.detail = (address & ~RISCV_PAGE_MASK) | VMEXIT_FAULT_PAGE |
			       (reason == RISCV_STORE_GUEST_PAGE_FAULT  ? VMEXIT_FAULT_WRITE
				: reason == RISCV_INST_GUEST_PAGE_FAULT ? VMEXIT_FAULT_FETCH
									: 0);
	return VMEXIT_KEY_DETAIL;
}

/* Of instructions of the opcode SYSTEM: CSR or function; what is done with it; its source register. */
#define RISCV_FUNCTION(instruction) ((instruction) >> 20)
#define RISCV_FUNCTION_3 (7 << 12)
#define RISCV_SOURCE (31 << 15)
/* WFI, and from the extension Zawrs WRS.NTO and WRS.STO */
#define RISCV_WFI 0x105
#define RISCV_WRS_NTO 0x00d
#define RISCV_WRS_STO 0x01d

/* stval has the instruction, or 0 where the processor doesn't tell it. */
static __always_inline __u64 riscv_instruction(const void *payload, struct vmexit_account *account)
{
	__u32 instruction = field_u32(payload, FIELD_EXIT_RISCV_STVAL),
	      function = RISCV_FUNCTION(instruction);

	if (!instruction)
		return VMEXIT_KEY_UNKNOWN;
	if (!(instruction & RISCV_FUNCTION_3) && function != RISCV_WFI && function != RISCV_WRS_NTO &&
	    function != RISCV_WRS_STO)
		return 0;
	account->exit.detail = (__u64)function << 20 | (instruction & RISCV_FUNCTION_3) |
			       (instruction & RISCV_SOURCE ? 1 << 15 : 0);
	return VMEXIT_KEY_DETAIL;
}

/* Which extension of the SBI is called, and which function of it. */
static __always_inline __u64 riscv_call(struct vmexit_account *account)
{
	struct kvm_vcpu___riscv *vcpu = (void *)running_vcpu();

	if (!vcpu || !bpf_core_field_exists(vcpu->arch.guest_context.a7))
		return VMEXIT_KEY_UNKNOWN;
	account->exit.detail = (__u64)(__u32)BPF_CORE_READ(vcpu, arch.guest_context.a7) << VMEXIT_SBI_SHIFT |
			       (BPF_CORE_READ(vcpu, arch.guest_context.a6) & ((1 << VMEXIT_SBI_SHIFT) - 1));
	return VMEXIT_KEY_DETAIL;
}

/* The bits that a detail adds to the key. */
static __always_inline __u64 payload_detail(const void *payload, __u32 isa, __u32 reason,
					    struct vmexit_account *account)
{
	switch (reason) {
	case RISCV_SUPERVISOR_SYSCALL:
		return riscv_call(account);
	case RISCV_INST_GUEST_PAGE_FAULT:
	case RISCV_LOAD_GUEST_PAGE_FAULT:
	case RISCV_STORE_GUEST_PAGE_FAULT:
		return riscv_fault(payload, reason, account);
	case RISCV_VIRTUAL_INST_FAULT:
		return riscv_instruction(payload, account);
	}
	return 0;
}

#define ARCH_DETAIL_EVENTS(EVENT) \
	EVENT(kvm_userspace_exit, device, \
	      device_fault(span, account->offset, field_u32(payload, FIELD_RUN_REASON), \
			   field_u32(payload, FIELD_RUN_ERRNO)))

#define ARCH_RUN_PAGE running_run_page()

#endif
