/*
 * x86: the reason of an exit, from the vendor's part of the vCPU.
 */
#ifndef ARCH_X86_BPF_H
#define ARCH_X86_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../kernel/memory.bpf.h"
#include "../kernel/types.h"

/* The reason of a VMX vCPU's exit. */
static __always_inline __u32 vmx_reason(const void *vcpu, int casts)
{
	if (bpf_core_field_exists(struct vcpu_vmx, exit_reason))
		return read_u32(&((struct vcpu_vmx *)vcpu)->exit_reason.full, casts);
	return read_u32(&((struct vcpu_vmx___vt *)vcpu)->vt.exit_reason.full, casts);
}

/*
 * The exit code in the vCPU's VMCB. Where kernel memory is read through a helper only, that costs some 80
 * instructions; but a kernel variable's pointers are followed by plain loads, and one has mostly the same
 * address: not after KVM went on to L2 or back.
 */
static __always_inline __u32 exit_code_of(const struct vmcb *vmcb, int casts)
{
	const struct svm_cpu_data *cpu_data;
	struct svm_cpu_data *cpu;
	struct vmcb *current;
	__u64 address;

	asm volatile("%0 = %1 ll" : "=r"(cpu_data) : "i"(KERNEL_SVM_DATA));
	if (!casts && cpu_data) {
		cpu = bpf_this_cpu_ptr(cpu_data);
		current = cpu->current_vmcb;
		/* Else the compiler would take the two for one, and read through the number. */
		asm volatile("%0 = %1" : "=r"(address) : "r"(current));
		if (address == (__u64)vmcb)
			return current->control.exit_code;
	}
	return read_u32(&vmcb->control.exit_code, casts);
}

#endif
