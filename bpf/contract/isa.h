/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Instruction sets. A reason is a code of one of them. Programs, addon and TypeScript share the numbers. */
#ifndef ISA_H
#define ISA_H

/* KVM_ISA_VMX and KVM_ISA_SVM, arch/x86/kvm/trace.h. The others are ours, for architectures with one isa, by
 * Node's names of these. */
#define ISA_VMX 1
#define ISA_SVM 2
#define ISA_ARM64 3
/* No instruction set: why KVM_RUN returned to the VMM. KVM_EXIT_*, or a negative errno as 32 bits. */
#define ISA_KVM_RUN 4
#define ISA_RISCV64 5
#define ISA_PPC64 6
#define ISA_LOONG64 7
#define ISA_S390X 8

#endif
