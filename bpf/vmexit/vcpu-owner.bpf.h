/*
 * Records of vCPUs, whose address the direct programs have.
 */
#ifndef VMEXIT_VCPU_OWNER_BPF_H
#define VMEXIT_VCPU_OWNER_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../kernel/types.h"
#include "accounts.bpf.h"

/*
 * The low half of a vCPU's address. A 32-bit move is what the verifier takes for a number (check_alu_op() in
 * kernel/bpf/verifier.c, with CAP_PERFMON); it allows no arithmetic on the pointer itself.
 */
static __always_inline __u32 id_of(struct kvm_vcpu *vcpu)
{
	__u32 low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((__u32)(__u64)vcpu));
	return low;
}

/* The whole address, as a number that global functions can be given. It takes some 80 instructions. */
static __always_inline __u64 owner_of(struct kvm_vcpu *vcpu)
{
	__u64 owner = 0;

	bpf_probe_read_kernel(&owner, sizeof(owner), &vcpu);
	return owner;
}

/* For a vCPU that find_record() doesn't find. */
static __noinline int seek_vcpu(struct kvm_vcpu *vcpu, int vcpu_id)
{
	int index = seek_index(owner_of(vcpu), vcpu_id);

	if (!index)
		lose(&health.records_full, vcpu_id);
	return index;
}

/* The record of a vCPU that exits, its own from the first exit on; NULL if it isn't traced. */
static __always_inline struct vmexit_record *exiting_vcpu(struct kvm_vcpu *vcpu)
{
	struct vmexit_record *record = find_record((__u64)vcpu, id_of(vcpu));

	if (!record)
		record = record_found(seek_vcpu(vcpu, vcpu->vcpu_id));
	return record && !(record->flags & VMEXIT_SKIPPED) ? record : NULL;
}

#endif
