/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The architecture's own header. Each has of kvm_exit's payload payload_isa() and payload_reason(), of the
 * raw tracepoint kvm_entry given_vcpu_id(), for split runs_l2() and first_argument(). Where the architecture
 * has one instruction set, it has ARCH_ISA in place of payload_isa() and given_vcpu_id(), payload_detail()
 * and ARCH_DETAIL_EVENTS, and may have ARCH_RAW_REASON and ARCH_RUN_PAGE.
 */
#ifndef ARCH_ARCH_BPF_H
#define ARCH_ARCH_BPF_H

#include <linux/types.h>

#if defined(__TARGET_ARCH_x86)
#include "x86.bpf.h"
#elif defined(__TARGET_ARCH_arm64)
#include "arm64.bpf.h"
#elif defined(__TARGET_ARCH_riscv)
#include "riscv64.bpf.h"
#elif defined(__TARGET_ARCH_powerpc)
#include "ppc64.bpf.h"
#endif

/* The address of the running vCPU's struct kvm_run, if payloads' programs can tell it. */
#ifdef ARCH_RUN_PAGE
#define ARCH_TELLS_RUN_PAGE 1
#else
#define ARCH_TELLS_RUN_PAGE 0
#define ARCH_RUN_PAGE 0
#endif

#ifdef ARCH_ISA
static __always_inline __u32 payload_isa(const void *payload)
{
	return ARCH_ISA;
}

/* The vCPU's number as the raw tracepoint kvm_entry tells it. Where payloads have it they are read, of exits,
 * too; elsewhere no exit tells it, and there is nothing to compare it with. */
static __always_inline int given_vcpu_id(const void *context)
{
	return -1;
}
#endif

#endif
