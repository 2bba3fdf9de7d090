// SPDX-License-Identifier: MIT
// The binary layout of kvmtrace's recordings and the numbers of the events in them.
//
// A recording is a stream of records, each of 32-bit words in the byte order of the machine that recorded:
//   word 0           bits 0-27 event id, bits 28-30 number of data words, bit 31 a time stamp is present
//   word 1, word 2   process id, vCPU id
//   64 bits          time stamp, only where bit 31 says so; not aligned
//   data words       0 to 7
// Some recorders write MAGIC before the first record. (include/linux/kvm.h of 2.6.26 to 2.6.30, struct kvm_trace_rec)

/** The first word of a recording by a recorder that writes one; byte-swapped, the recording is big-endian. */
export const MAGIC = 0x12345678;

// All sizes are in words of 32 bits: every part of a recording is a multiple of them.

/** Event, process, vCPU: what every record begins with. */
export const HEADER_WORDS = 3;
/** The time stamp. */
export const TIME_WORDS = 2;

/** The bits of word 0 that hold the event id. */
export const EVENT_MASK = 0x0fffffff;

/** No Linux process has a greater id (PID_MAX_LIMIT, include/linux/threads.h). */
export const PID_LIMIT = 4_194_304;
/** No vCPU has a greater id: above KVM_MAX_VCPU_IDS of every architecture. */
export const VCPU_LIMIT = 65_535;

export type ByteOrder = "little" | "big";
