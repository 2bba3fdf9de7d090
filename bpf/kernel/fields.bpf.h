/*
 * Fields of a tracepoint's record, at offsets that tracefs tells when the program is loaded.
 */
#ifndef KERNEL_FIELDS_BPF_H
#define KERNEL_FIELDS_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* Where the fields of the tracepoints' records lie, at most: kvm_exit's record is 88 bytes long in 7.2. */
#define FIELDS_END 96

/* ctx bears no arithmetic: each offset has its load. */
#define LOAD(value, context, at, load) \
	asm volatile("%0 = *(" load " *)(%1 + %2)" : "=r"(value) : "r"(context), "i"(at))

/*
 * A field of a tracepoint's record at an offset known when the program is loaded. It is read once: the
 * verifier drops the loads at others, not another reading of config. Each comparison stands alone, for it
 * drops those too, but not the arithmetic and jumps of a switch; of 64 bits, for 32 would be moved each time.
 */
#define FIELD(context, offset, type, load, otherwise) \
	({ \
		type value = otherwise; \
		__u64 wanted = offset; \
		_Pragma("unroll") for (__u32 at = 8; at < FIELDS_END; at += sizeof(type)) \
		{ \
			barrier_var(wanted); \
			if (wanted == at) \
				LOAD(value, context, at, load); \
		} \
		value; \
	})
#define FIELD32(context, offset) FIELD(context, offset, __u32, "u32", 0)
#define FIELD64(context, offset) FIELD(context, offset, __u64, "u64", 0)
/* -1 where the event doesn't tell it. */
#define VCPU_ID(context, offset) ((int)FIELD(context, offset, __u32, "u32", -1))

#endif
