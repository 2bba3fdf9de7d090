/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Tricks for the verifier and against the compiler, each with its name and its reason.
 */
#ifndef KERNEL_VERIFIER_BPF_H
#define KERNEL_VERIFIER_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/*
 * On a global function: the verifier walks it once by itself, for any arguments, and not again at each call
 * (btf_check_func_arg_match() in kernel/bpf/btf.c). Its arguments may be numbers only, and its result too.
 */
#define VERIFIED_ONCE __noinline

/* What exits rarely need: out of line it takes no registers from what they always need. */
#define OUT_OF_LINE static __noinline

/*
 * `value & mask` with `mask` a constant, as the last instruction before the use as an index. The compiler
 * would distribute the mask over the operands of `value`, and the verifier would then lose the bound.
 */
#define KEPT_MASK(value, mask) \
	({ \
		__u64 kept = (value); \
		asm volatile("%0 &= %1" : "+r"(kept) : "i"(mask)); \
		kept; \
	})

/*
 * The low half of a kernel pointer, as a number. A 32-bit move is what the verifier takes for a number
 * (check_alu_op() in kernel/bpf/verifier.c, with CAP_PERFMON); it allows no arithmetic on the pointer itself.
 */
static __always_inline __u32 low_half(const void *pointer)
{
	__u32 low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((__u32)(__u64)pointer));
	return low;
}

/*
 * A pointer's address, only to be compared. The compiler would take what equals it for the same value, and
 * read through the number instead of the pointer.
 */
static __always_inline __u64 address_of(const void *pointer)
{
	__u64 address;

	asm volatile("%0 = %1" : "=r"(address) : "r"(pointer));
	return address;
}

/* A number that the compiler must not know, because the addon puts another in its place (a constant). */
#define PATCHED(type, placeholder) \
	({ \
		type patched; \
		asm volatile("%0 = %1" : "=r"(patched) : "i"(placeholder)); \
		patched; \
	})

#endif
