/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* arm64: from an event to the reason of an exit, (ret, esr_ec) in arch/arm64/kvm/trace_arm.h, and to its
 * detail, from KVM's events while it handles the exit. */
#ifndef ARCH_ARM64_BPF_H
#define ARCH_ARM64_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "../contract/detail.h"
#include "../contract/isa.h"
#include "../contract/vmexit.h"
#include "../kernel/fields.bpf.h"
#include "../kernel/types.h"
#include "../vmexit/detail.bpf.h"

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

#define ARCH_ISA ISA_ARM64

/* Of kvm_exit's payload. */
static __always_inline __u32 payload_reason(const void *payload)
{
	return arm64_reason(field_u32(payload, FIELD_EXIT_ARM64_RETURN),
			    field_u32(payload, FIELD_EXIT_ARM64_CLASS));
}

/* ARM_EXCEPTION_TRAP, arch/arm64/include/asm/kvm_asm.h. Bit 31 of ret says that there was an SError, too. */
#define ARM64_TRAP 2
#define ARM64_RET_MASK 0x7fffffffU

/* Of the raw tracepoint's arguments, (ret, esr_ec, vcpu_pc): unless the guest trapped, esr_ec is that of an
 * earlier trap. */
static __always_inline __u32 raw_reason(const __u64 *arguments)
{
	__u32 ret = arguments[0] & ARM64_RET_MASK;

	return arm64_reason(ret, ret == ARM64_TRAP ? arguments[1] : 0);
}

#define ARCH_RAW_REASON raw_reason

/* Exception classes of ESR_EL2, arch/arm64/include/asm/esr.h */
enum {
	ARM64_WFX = 0x01,
	ARM64_HVC64 = 0x16,
	ARM64_SMC64 = 0x17,
	ARM64_SYS64 = 0x18,
	ARM64_IABT_LOW = 0x20,
	ARM64_DABT_LOW = 0x24,
};

/* Of ESR_EL2's syndrome, Arm's manual, D24.2.44: a register's op0, op2, op1, CRn, CRm and direction. */
#define ARM64_SYS64_BITS 0x3ffc1fULL
/* Of a data abort: whether it was a write. */
#define ARM64_ABORT_WRITE (1 << 6)
#define ARM64_PAGE_MASK 0xfffULL

/* The bits that a detail adds to the key. kvm_exit itself tells none. */
static __always_inline __u64 payload_detail(const void *payload, __u32 isa, __u32 reason,
					    struct vmexit_account *account)
{
	if (reason >> 8 != ARM64_TRAP)
		return 0;
	switch (reason & 0xff) {
	case ARM64_WFX:
	case ARM64_HVC64:
	case ARM64_SMC64:
	case ARM64_SYS64:
	case ARM64_IABT_LOW:
	case ARM64_DABT_LOW:
		return VMEXIT_KEY_UNKNOWN;
	}
	return 0;
}

static __always_inline int arm64_awaits(const struct vmexit_span *span, __u32 class)
{
	return span->key & VMEXIT_KEY_UNKNOWN && (__u32)span->key == (ARM64_TRAP << 8 | class);
}

static __always_inline void arm64_register(struct vmexit_span *span, __u64 syndrome)
{
	if (arm64_awaits(span, ARM64_SYS64))
		detail_known(span, syndrome & ARM64_SYS64_BITS);
}

static __always_inline void arm64_function(struct vmexit_span *span, __u32 function)
{
	if (arm64_awaits(span, ARM64_HVC64) || arm64_awaits(span, ARM64_SMC64))
		detail_known(span, function);
}

static __always_inline void arm64_wait(struct vmexit_span *span, __u32 for_event)
{
	if (arm64_awaits(span, ARM64_WFX))
		detail_known(span, for_event);
}

static __always_inline void arm64_fault(struct vmexit_span *span, __u64 syndrome, __u64 address)
{
	__u64 detail = (address & ~ARM64_PAGE_MASK) | VMEXIT_FAULT_PAGE;

	if (arm64_awaits(span, ARM64_IABT_LOW))
		detail_known(span, detail | VMEXIT_FAULT_FETCH);
	else if (arm64_awaits(span, ARM64_DABT_LOW))
		detail_known(span, syndrome & ARM64_ABORT_WRITE ? detail | VMEXIT_FAULT_WRITE : detail);
}

/* The fault was at a device: its address is exact. The first such event, of those that one access may cause.
 */
static __always_inline void arm64_mmio(struct vmexit_span *span, __u64 address)
{
	__u64 abort = VMEXIT_KEY_DETAIL | ARM64_TRAP << 8 | ARM64_DABT_LOW;

	if ((span->key & (VMEXIT_KEY_DETAIL | 0xffffffff)) == abort && span->detail & VMEXIT_FAULT_PAGE)
		span->detail = address | (span->detail & VMEXIT_FAULT_WRITE);
}

/* The events that tell details: EVENT(tracepoint, name of its program, what it tells of `span`). */
#define ARCH_DETAIL_EVENTS(EVENT) \
	EVENT(kvm_handle_sys_reg, sys_reg, \
	      arm64_register(span, field_u32(payload, FIELD_ARM64_SYNDROME_OF_REGISTER))) \
	EVENT(kvm_guest_fault, guest_fault, \
	      arm64_fault(span, field_u32(payload, FIELD_ARM64_SYNDROME_OF_FAULT), \
			  field_u64(payload, FIELD_ARM64_FAULT_ADDRESS))) \
	EVENT(kvm_hvc_arm64, hvc, arm64_function(span, field_u32(payload, FIELD_ARM64_FUNCTION))) \
	EVENT(kvm_wfx_arm64, wfx, arm64_wait(span, field_u32(payload, FIELD_ARM64_WAITS_FOR_EVENT))) \
	EVENT(kvm_mmio, mmio, arm64_mmio(span, field_u64(payload, FIELD_MMIO_ADDRESS)))

#endif
