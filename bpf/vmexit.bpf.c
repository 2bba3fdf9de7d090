/*
 * Counts and times VM exits: programs on kvm_exit and kvm_entry, in two ways to attach. The addon loads the
 *ones that fit the kernel.
 *
 * direct_*: BTF-typed raw tracepoints of x86, Linux 5.16 and later, with the modules' BTF. They skip the
 *	tracepoint's record and read the reason from the vendor's vCPU struct. A record belongs to a vCPU.
 * record_*: classic tracepoints, anywhere. They read the tracepoint's record, which doesn't tell the vCPU's
 *	address or its level, so a record belongs to a thread and kvm_nested_vmexit tells of L2.
 */
#include <asm/ptrace.h>
#include "accounting.bpf.h"
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline __u64 key_of(__u64 isa, __u32 reason)
{
	return VMEXIT_KEY_TAKEN | isa << VMEXIT_KEY_ISA_SHIFT | reason;
}

#ifdef __TARGET_ARCH_x86

/*
 * The low half of a vCPU's address. A 32-bit move is what the verifier takes for a number (check_alu_op() in
 * kernel/bpf/verifier.c, with CAP_PERFMON); it allows no arithmetic on the pointer itself.
 */
static __always_inline __u32 vcpu_home(struct kvm_vcpu *vcpu)
{
	__u32 low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((__u32)(__u64)vcpu));
	return home_of(low);
}

/* The record of a vCPU that exits, its own from the first exit on; NULL if it isn't traced. */
static __always_inline struct vmexit_record *exiting_vcpu(struct kvm_vcpu *vcpu)
{
	__u32 home = vcpu_home(vcpu);
	struct vmexit_record *record = find_record((__u64)vcpu, home);

	if (!record)
		record = seek_record((__u64)vcpu, home, vcpu->vcpu_id);
	return record && !(config.filter_pids && record->skip) ? record : NULL;
}

static __always_inline int direct_exit(struct vmexit_record *record, __u64 key)
{
	if (config.timing)
		open_interval(record, key);
	else
		count_exit(record, key);
	return 0;
}

SEC("tp_btf/kvm_exit")
int BPF_PROG(direct_exit_svm, struct kvm_vcpu *vcpu)
{
	struct vmexit_record *record = vcpu ? exiting_vcpu(vcpu) : NULL;
	struct vcpu_svm *svm = (void *)vcpu;
	__u64 level = 0;
	struct vmcb *vmcb;

	if (!record)
		return 0;
	vmcb = (void *)record->vmcb01;
	if (vcpu->stat.guest_mode) {
		level = VMEXIT_KEY_L2;
		vmcb = BPF_CORE_READ(svm, vmcb);
	} else if (!vmcb) {
		vmcb = BPF_CORE_READ(svm, vmcb01.ptr);
		record->vmcb01 = (__u64)vmcb;
	}
	return direct_exit(record, key_of(VMEXIT_ISA_SVM, BPF_CORE_READ(vmcb, control.exit_code)) | level);
}

SEC("tp_btf/kvm_exit")
int BPF_PROG(direct_exit_vmx, struct kvm_vcpu *vcpu)
{
	struct vmexit_record *record = vcpu ? exiting_vcpu(vcpu) : NULL;
	__u64 level;
	__u32 reason;

	if (!record)
		return 0;
	level = vcpu->stat.guest_mode ? VMEXIT_KEY_L2 : 0;
	if (bpf_core_field_exists(struct vcpu_vmx, exit_reason))
		reason = BPF_CORE_READ((struct vcpu_vmx *)vcpu, exit_reason.full);
	else
		reason = BPF_CORE_READ((struct vcpu_vmx___vt *)vcpu, vt.exit_reason.full);
	return direct_exit(record, key_of(VMEXIT_ISA_VMX, reason) | level);
}

SEC("tp_btf/kvm_entry")
int BPF_PROG(direct_entry, struct kvm_vcpu *vcpu)
{
	__u32 home = vcpu_home(vcpu);
	struct vmexit_record *record = find_record((__u64)vcpu, home);

	if (!record)
		record = peek_record((__u64)vcpu, home);
	if (record)
		close_interval(record);
	return 0;
}

/* In common code of every architecture; the end of a vCPU's life, whoever drops its last reference. */
SEC("kprobe/kvm_arch_vcpu_destroy")
int BPF_KPROBE(direct_vcpu_end, void *vcpu)
{
	end_record((__u64)vcpu, home_of((__u32)(__u64)vcpu));
	return 0;
}

#endif

/* A 4-byte field of a tracepoint's record at an offset known at load; ctx bears no arithmetic, so each has
 * its load. */
static __always_inline __u32 field_at(const void *context, __u32 offset)
{
	__u32 value = 0;

#pragma unroll
	for (__u32 at = 8; at < 96; at += 4)
		if (offset == at)
			asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(value) : "r"(context), "i"(at));
	return value;
}

static __always_inline struct vmexit_record *thread_record(void)
{
	__u64 owner = bpf_get_current_pid_tgid();
	__u32 home = home_of(owner);
	struct vmexit_record *record = find_record(owner, home);

	return record ? record : peek_record(owner, home);
}

SEC("tp/kvm/kvm_exit")
int record_exit(const void *context)
{
	__u64 owner = bpf_get_current_pid_tgid();
	__u32 home = home_of(owner);
	struct vmexit_record *record = find_record(owner, home);
	__u32 reason = field_at(context, 8), isa = config.isa;
	int vcpu_id = config.exit_vcpu_offset ? field_at(context, config.exit_vcpu_offset) : -1;

	if (!record)
		record = seek_record(owner, home, vcpu_id);
	if (!record || (config.filter_pids && record->skip))
		return 0;
	if (config.exit_isa_offset)
		isa = field_at(context, config.exit_isa_offset) & VMEXIT_KEY_ISA_MASK;
#ifdef __TARGET_ARCH_arm64
	reason = reason << 8 | field_at(context, 12); /* ret, esr_ec */
#endif
	open_interval(record, key_of(isa, reason));
	return 0;
}

SEC("tp/kvm/kvm_nested_vmexit")
int record_nested_exit(const void *context)
{
	struct vmexit_record *record = thread_record();

	if (record && record->pending)
		record->pending |= VMEXIT_KEY_L2;
	return 0;
}

SEC("tp/kvm/kvm_entry")
int record_entry(const void *context)
{
	struct vmexit_record *record = thread_record();

	if (record)
		close_interval(record);
	return 0;
}

SEC("tp/sched/sched_process_exit")
int record_thread_end(const void *context)
{
	__u64 owner = bpf_get_current_pid_tgid();

	end_record(owner, home_of(owner));
	return 0;
}
