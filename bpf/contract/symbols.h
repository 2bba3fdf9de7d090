/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What programs name of the kernel beyond its structs, as numbers in their instructions, in whose place the
 * addon puts what the running kernel has. libbpf would look for these in all types of vmlinux, read once
 * more.
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

/* bpf_rdonly_cast(), at the place of a helper's number. */
#define KERNEL_RDONLY_CAST 0x6b766d01
/* The number of the type that it is told: one in vmlinux, of struct pt_regs. */
#define KERNEL_CAST_TYPE 0x6b766d02
/* The address of kvm_amd's svm_data on CPU 0; 0 where there is none to use. */
#define KERNEL_SVM_DATA 0x6b766d03
/* The same of KVM's kvm_running_vcpu. */
#define KERNEL_RUNNING_VCPU 0x6b766d04

#endif
