/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Fields of tracepoints' payloads. A program reads one by a load whose offset is PAYLOAD_FIELD + its number;
 * before the program is loaded the addon puts the offset and the size there that the kernel's `format` tells,
 * or makes the load a constant where the kernel has no such field.
 */
#ifndef FIELDS_H
#define FIELDS_H

/* Beyond every offset in the structs that programs read. */
#define PAYLOAD_FIELD 0x6000

/* In place of an absent field's value: programs that read the field can't be loaded without it. */
#define PAYLOAD_REQUIRED (1LL << 32)

/* FIELD(number, tracepoint of system kvm, field, its value where the tracepoint has no such field): what
 * vmexit and stat read. */
#define PAYLOAD_FIELDS(FIELD) \
	FIELD(EXIT_REASON, kvm_exit, exit_reason, PAYLOAD_REQUIRED) \
	FIELD(EXIT_ISA, kvm_exit, isa, PAYLOAD_REQUIRED) \
	FIELD(EXIT_VCPU_ID, kvm_exit, vcpu_id, -1) \
	FIELD(EXIT_RIP, kvm_exit, guest_rip, 0) \
	FIELD(EXIT_INFO1, kvm_exit, info1, 0) \
	FIELD(EXIT_INFO2, kvm_exit, info2, 0) \
	FIELD(EXIT_INTERRUPTION, kvm_exit, intr_info, 0) \
	FIELD(EXIT_ARM64_RETURN, kvm_exit, ret, PAYLOAD_REQUIRED) \
	FIELD(EXIT_ARM64_CLASS, kvm_exit, esr_ec, PAYLOAD_REQUIRED) \
	FIELD(EXIT_RISCV_CAUSE, kvm_exit, scause, PAYLOAD_REQUIRED) \
	FIELD(EXIT_RISCV_STVAL, kvm_exit, stval, PAYLOAD_REQUIRED) \
	FIELD(EXIT_RISCV_HTVAL, kvm_exit, htval, PAYLOAD_REQUIRED) \
	FIELD(EXIT_PPC64_TRAP, kvm_exit, trap, PAYLOAD_REQUIRED) \
	FIELD(ENTRY_VCPU_ID, kvm_entry, vcpu_id, -1) \
	FIELD(FAULT_ADDRESS, kvm_page_fault, fault_address, PAYLOAD_REQUIRED) \
	FIELD(MSR_NUMBER, kvm_msr, ecx, PAYLOAD_REQUIRED) \
	FIELD(CPUID_LEAF, kvm_cpuid, function, PAYLOAD_REQUIRED) \
	FIELD(CPUID_SUBLEAF, kvm_cpuid, index, 0) \
	FIELD(HYPERCALL_NUMBER, kvm_hypercall, nr, PAYLOAD_REQUIRED) \
	FIELD(HV_HYPERCALL_CODE, kvm_hv_hypercall, code, PAYLOAD_REQUIRED) \
	FIELD(XEN_HYPERCALL_NUMBER, kvm_xen_hypercall, nr, PAYLOAD_REQUIRED) \
	FIELD(MMIO_ADDRESS, kvm_mmio, gpa, PAYLOAD_REQUIRED) \
	FIELD(MMIO_TYPE, kvm_mmio, type, PAYLOAD_REQUIRED) \
	FIELD(PIO_IS_OUT, kvm_pio, rw, PAYLOAD_REQUIRED) \
	FIELD(PIO_PORT, kvm_pio, port, PAYLOAD_REQUIRED) \
	FIELD(PIO_SIZE, kvm_pio, size, PAYLOAD_REQUIRED) \
	FIELD(PIO_COUNT, kvm_pio, count, PAYLOAD_REQUIRED) \
	FIELD(FAST_MMIO_ADDRESS, kvm_fast_mmio, gpa, PAYLOAD_REQUIRED) \
	FIELD(ARM64_SYNDROME_OF_REGISTER, kvm_handle_sys_reg, hsr, PAYLOAD_REQUIRED) \
	FIELD(ARM64_SYNDROME_OF_FAULT, kvm_guest_fault, hsr, PAYLOAD_REQUIRED) \
	FIELD(ARM64_FAULT_ADDRESS, kvm_guest_fault, ipa, PAYLOAD_REQUIRED) \
	FIELD(ARM64_FUNCTION, kvm_hvc_arm64, r0, PAYLOAD_REQUIRED) \
	FIELD(ARM64_WAITS_FOR_EVENT, kvm_wfx_arm64, is_wfe, PAYLOAD_REQUIRED) \
	FIELD(RUN_REASON, kvm_userspace_exit, reason, PAYLOAD_REQUIRED) \
	FIELD(RUN_ERRNO, kvm_userspace_exit, errno, PAYLOAD_REQUIRED)

#define PAYLOAD_FIELD_NUMBER(number, event, field, absent) FIELD_##number,
enum payload_field { PAYLOAD_FIELDS(PAYLOAD_FIELD_NUMBER) PAYLOAD_FIELD_COUNT };
#undef PAYLOAD_FIELD_NUMBER

#endif
