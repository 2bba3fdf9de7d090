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
	FIELD(EXIT_ARM64_RETURN, kvm_exit, ret, PAYLOAD_REQUIRED) \
	FIELD(EXIT_ARM64_CLASS, kvm_exit, esr_ec, PAYLOAD_REQUIRED) \
	FIELD(ENTRY_VCPU_ID, kvm_entry, vcpu_id, -1) \
	FIELD(FAULT_ADDRESS, kvm_page_fault, fault_address, 0) \
	FIELD(FAULT_ERROR, kvm_page_fault, error_code, 0) \
	FIELD(MSR_NUMBER, kvm_msr, ecx, 0)

#define PAYLOAD_FIELD_NUMBER(number, event, field, absent) FIELD_##number,
enum payload_field { PAYLOAD_FIELDS(PAYLOAD_FIELD_NUMBER) PAYLOAD_FIELD_COUNT };
#undef PAYLOAD_FIELD_NUMBER

#endif
