/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Details: what an exit says about itself in addition to its reason, as 64 bits with a meaning for each
 * reason. The programs keep of each what src/details/ shows, so that two slots hardly ever show the same.
 *
 * MSRs			number | VMEXIT_MSR_WRITE for a write
 * ports		SVM: EXITINFO1, VMX: the exit qualification; port, size, direction, string
 * memory		address | VMEXIT_FAULT_*; with VMEXIT_FAULT_PAGE that of a page
 * CPUID		leaf | ECX << 32, which src/details/ drops for leaves that don't have subleaves
 * VMGEXIT of SVM	VMEXIT_GHCB_*
 * hypercalls		number | enum vmexit_hypercalls << VMEXIT_HYPERCALL_SHIFT
 * registers of VMX	the exit qualification; of exceptions and interrupts the vector
 * AVIC of SVM		EXITINFO2's kind of failure; EXITINFO1's register and direction
 * exits to the VMM	IO: as SVM's ports; MMIO: memory; X86_RDMSR, X86_WRMSR: MSRs; HYPERCALL: hypercalls;
 * SYSTEM_EVENT: KVM_SYSTEM_EVENT_*
 * arm64		of system registers the syndrome's register and direction; of HVC the function; of WFx
 * 1 for WFE
 * riscv64		of calls of the SBI the function | extension << VMEXIT_SBI_SHIFT; of virtual
 * instructions their bits 12-14 and 20-31, and in bit 15 whether they have a source register
 */
#ifndef DETAIL_H
#define DETAIL_H

#define VMEXIT_MSR_WRITE_BIT 32
#define VMEXIT_MSR_WRITE (1ULL << VMEXIT_MSR_WRITE_BIT)

/* The first of CPUID's leaves that are one detail, and how many they are. */
#define VMEXIT_CPUID_SEARCH 0x40000200U
#define VMEXIT_CPUID_SEARCHED 0xfe00U

/* VMGEXIT: what the reason that an SEV-ES guest gives has for a detail, 48 bits of it; its number's low 11
 * bits; whether it is one of the hypervisor's interface, 0x8000....; whether it is a write to an MSR. */
#define VMEXIT_GHCB_SHIFT 48
#define VMEXIT_GHCB_REASON_BITS 11
#define VMEXIT_GHCB_SOFTWARE_BIT 60
#define VMEXIT_GHCB_SOFTWARE (1ULL << VMEXIT_GHCB_SOFTWARE_BIT)
#define VMEXIT_GHCB_WRITE_BIT 61
#define VMEXIT_GHCB_WRITE (1ULL << VMEXIT_GHCB_WRITE_BIT)

/* x86's error codes have write, reserved bit and fetch in bits 1, 3 and 4: these are the same, 56 bits up,
 * except that the reserved bit, by which KVM marks MMIO, is inverted. */
#define VMEXIT_FAULT_SHIFT 56
#define VMEXIT_FAULT_WRITE_BIT 57
#define VMEXIT_FAULT_WRITE (1ULL << VMEXIT_FAULT_WRITE_BIT)
#define VMEXIT_FAULT_PAGE_BIT 59
#define VMEXIT_FAULT_PAGE (1ULL << VMEXIT_FAULT_PAGE_BIT)
#define VMEXIT_FAULT_FETCH_BIT 60
#define VMEXIT_FAULT_FETCH (1ULL << VMEXIT_FAULT_FETCH_BIT)
#define VMEXIT_HYPERCALL_SHIFT 56
#define VMEXIT_SBI_SHIFT 24
enum vmexit_hypercalls {
	VMEXIT_HYPERCALL_KVM = 0,
	VMEXIT_HYPERCALL_HYPERV = 1,
	VMEXIT_HYPERCALL_XEN = 2,
};

#endif
