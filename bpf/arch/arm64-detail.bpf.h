/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* arm64: an exit's detail, see contract/detail.h, from KVM's events while it handles the exit. */
#ifndef ARCH_ARM64_DETAIL_BPF_H
#define ARCH_ARM64_DETAIL_BPF_H

#include <linux/types.h>
#include "../contract/detail.h"
#include "../contract/vmexit.h"
#include "../kernel/fields.bpf.h"
#include "../vmexit/span.bpf.h"
#include "arm64.bpf.h"

/* ARM_EXCEPTION_TRAP, arch/arm64/include/asm/kvm_asm.h, and exception classes of ESR_EL2, .../asm/esr.h */
#define ARM64_TRAP 2
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
static __always_inline __u64 payload_detail(const void *payload, __u32 isa, __u32 reason, __u64 *detail)
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

#endif
