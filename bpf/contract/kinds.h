/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The events of a recording. The programs, the recorder and src/trace/kinds.ts (by packaging/kinds.mjs) are
 * made from these lists. One more event of the kernel is a line in TRACE_KINDS and one in
 * share/kvmtrace.formats, which says how it is printed.
 */
#ifndef KINDS_H
#define KINDS_H

/* Of recordings; raised when an event is added or changed, since a reader knows the events of a version. */
#define TRACE_VERSION 3

/*
 * KIND(KIND, OPTION, TRACEPOINT, RECORD, WORDS): an event of the kernel.
 *
 * OPTION is its name in --events.
 * RECORD says which record is written: ONE(NAME, ID), or EITHER(NAME, ID, NAME, ID), of which the first word
 * chooses: the second record if it isn't 0.
 * WORDS are the tracepoint's fields, at most TRACE_WORDS words, each with the names that kernels gave it:
 *   WORD(NAME, FIELDS)  32 bits, data of the record
 *   LONG(NAME, FIELDS)  64 bits, two words of data, the low half first
 *   READ(FIELDS)        32 bits that the recorder needs and that aren't written
 *   READ_LONG(FIELDS)   the same with 64 bits
 * The thread's id is the record's last word, unless it has 5 words already: the formatter of 2008 reads no
 * more. Ids below 0x40000 are those of kvmtrace's first definitions file.
 */
#define TRACE_KINDS(KIND) \
	KIND(ENTRY, entry, kvm_entry, ONE(ENTRY, 0x10001), READ(vcpu_id)) \
	/* arm64 has ret, vcpu_pc and esr_ec, riscv64 sepc and scause, ppc64 \
	 * trap and pc. */ \
	KIND(EXIT, exit, kvm_exit, ONE(EXIT, 0x10002), \
	     WORD(code, exit_reason, ret, trap) LONG(rip, guest_rip, vcpu_pc, sepc, pc) WORD(isa, isa) \
		 READ(vcpu_id) READ_LONG(info1, esr_ec, scause) READ(intr_info)) \
	KIND(NESTED_EXIT, nested, kvm_nested_vmexit, ONE(FROM_L2, 0x40004), ) \
	KIND(REFLECTED, nested, kvm_nested_vmexit_inject, ONE(REFLECTED, 0x40005), ) \
	KIND(PAGE_FAULT, page_fault, kvm_page_fault, ONE(PAGE_FAULT, 0x20001), \
	     WORD(error, error_code) LONG(address, fault_address)) \
	KIND(INJECTED, inject, kvm_inj_virq, ONE(INJECTED, 0x20002), WORD(vector, vector, irq)) \
	/* KVM_PIO_IN is 0: arch/x86/kvm/trace.h. */ \
	KIND(PORT, io, kvm_pio, EITHER(PORT_READ, 0x20004, PORT_WRITE, 0x20005), \
	     READ(rw) WORD(port, port) WORD(size, size) WORD(value, val)) \
	KIND(CONTROL_REGISTER, cr, kvm_cr, EITHER(CR_READ, 0x20006, CR_WRITE, 0x20007), \
	     READ(rw) WORD(cr, cr) LONG(value, val)) \
	KIND(MSR, msr, kvm_msr, EITHER(MSR_READ, 0x2000a, MSR_WRITE, 0x2000b), \
	     READ(write) WORD(msr, ecx) LONG(data, data)) \
	KIND(CPUID, cpuid, kvm_cpuid, ONE(CPUID, 0x2000c), \
	     WORD(function, function) WORD(eax, rax) WORD(ebx, rbx) WORD(ecx, rcx) WORD(edx, rdx)) \
	KIND(HYPERCALL, hypercall, kvm_hypercall, ONE(HYPERCALL, 0x2000f), \
	     WORD(number, nr) LONG(argument, a0)) \
	KIND(APIC, apic, kvm_apic, ONE(APIC, 0x20013), WORD(offset, reg) WORD(write, rw) WORD(value, val)) \
	KIND(USERSPACE_EXIT, userspace, kvm_userspace_exit, ONE(USERSPACE_EXIT, 0x40003), \
	     WORD(reason, reason) WORD(errno, errno)) \
	KIND(WAKEUP, wakeup, kvm_vcpu_wakeup, ONE(WAKEUP, 0x40006), LONG(ns, ns))

/*
 * MADE(NAME, ID, WORDS): records that the recorder makes of exits, where kvmtrace recorded an event and no
 * tracepoint does today. The thread's id is their last word too.
 */
#define TRACE_MADE(MADE) \
	MADE(PENDING, 0x20003, WORD(vector)) \
	MADE(DR_READ, 0x20008, WORD(dr) WORD(value)) \
	MADE(DR_WRITE, 0x20009, WORD(dr) WORD(value)) \
	MADE(INTERRUPT, 0x2000d, WORD(vector)) \
	MADE(NMI, 0x2000e, ) \
	MADE(HLT, 0x20010, ) \
	MADE(CLTS, 0x20011, ) \
	MADE(LMSW, 0x20012, WORD(value))

/* NOTE(NAME, ID, WORDS): what a recording says about itself. These records have no thread. */
#define TRACE_NOTES(NOTE) \
	/* The first record. When it began is in ms since 1970. */ \
	NOTE(RECORDING, 0x40001, WORD(version) WORD(ticks_per_us) LONG(began)) \
	/* The last record. */ \
	NOTE(END, 0x40002, LONG(lost) LONG(unwritten) WORD(because)) \
	/* From here to the GAP_END of the same CPU, events of that CPU are missing. */ \
	NOTE(GAP, 0x40007, WORD(cpu)) \
	/* How many are. */ \
	NOTE(GAP_END, 0x40008, WORD(cpu) LONG(lost)) \
	/* 16 bytes of the name, in UTF-8, of the VM that the record's process runs, before the first event \
	 * of that VM. The place has the name's length in its high half and in its low half which of its \
	 * bytes are the first here. */ \
	NOTE(VM_NAME, 0x40009, WORD(place) LONG(text) LONG(more)) \
	/* The UUID of that VM, its 16 bytes as they are written. */ \
	NOTE(VM_UUID, 0x4000a, LONG(uuid) LONG(more))

/* The CPU of a gap, if it is unknown. */
#define TRACE_ANY_CPU 0xffffffff

#endif
