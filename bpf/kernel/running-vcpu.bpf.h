/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The vCPU that this CPU runs, KVM's kvm_running_vcpu (virt/kvm/kvm_main.c): for programs whose events don't
 * tell it. Between KVM_RUNs there is none. */
#ifndef KERNEL_RUNNING_VCPU_BPF_H
#define KERNEL_RUNNING_VCPU_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../contract/symbols.h"
#include "types.h"

/* Its address; NULL where the kernel's BTF doesn't tell the variable, too. */
static __always_inline struct kvm_vcpu *running_vcpu(void)
{
	struct kvm_vcpu *const *running;

	asm volatile("%0 = %1 ll" : "=r"(running) : "i"(KERNEL_RUNNING_VCPU));
	if (!running)
		return NULL;
	running = bpf_this_cpu_ptr(running);
	return *running;
}

/* The address of its struct kvm_run; 0 if it isn't known. */
static __always_inline __u64 running_run_page(void)
{
	struct kvm_vcpu *vcpu = running_vcpu();

	return vcpu ? (__u64)BPF_CORE_READ(vcpu, run) : 0;
}

#endif
