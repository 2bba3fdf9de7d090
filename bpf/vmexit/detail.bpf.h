/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The detail of an open span, see contract/detail.h: what architectures tell of it. */
#ifndef VMEXIT_DETAIL_BPF_H
#define VMEXIT_DETAIL_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "../contract/detail.h"
#include "../contract/vmexit.h"

/* The detail of a span that has just begun. */
static __always_inline void span_detail(struct vmexit_span *span, __u64 detail)
{
	span->detail = detail;
	span->flags |= VMEXIT_KEY_DETAIL >> 32;
}

/* The same for one that will be told or not. */
static __always_inline void span_detail_unknown(struct vmexit_span *span)
{
	span->flags |= VMEXIT_KEY_UNKNOWN >> 32;
}

/* The detail of a span, which wasn't known so far. */
static __always_inline void detail_known(struct vmexit_span *span, __u64 detail)
{
	span->key ^= VMEXIT_KEY_UNKNOWN | VMEXIT_KEY_DETAIL;
	span->detail = detail;
}

/* KVM_EXIT_MMIO, include/uapi/linux/kvm.h */
#define EXIT_TO_VMM_MMIO 6

/* For architectures that have no event of MMIO: KVM gives a fault to the VMM, that is, it was at a device.
 * Its address is exact, of which `offset` is what lies within the page. */
static __always_inline void device_fault(struct vmexit_span *span, __u64 offset, __u32 reason, int status)
{
	if (reason == EXIT_TO_VMM_MMIO && status >= 0 && span->key & VMEXIT_KEY_DETAIL &&
	    span->detail & VMEXIT_FAULT_PAGE)
		span->detail = (span->detail ^ VMEXIT_FAULT_PAGE) | offset;
}

#endif
