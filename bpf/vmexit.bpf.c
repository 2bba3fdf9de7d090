/*
 * Counts and times VM exits: programs on kvm_exit and kvm_entry, in two ways to attach. The addon loads the
 *ones that fit the kernel.
 *
 * direct_*: BTF-typed raw tracepoints of x86, Linux 5.16 and later, with the modules' BTF. They skip the
 *	tracepoint's record and read the reason from the vendor's vCPU struct. A record belongs to a vCPU.
 * record_*: classic tracepoints, anywhere. They read the tracepoint's record, which doesn't tell the vCPU's
 *	address or its level, so a record belongs to a thread and kvm_nested_vmexit tells of L2.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "kernel/fields.bpf.h"
#include "kernel/types.h"
#include "vmexit/maps.bpf.h"
#include "vmexit/span.bpf.h"
#include "vmexit/thread-owner.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#ifdef __TARGET_ARCH_x86

#include "arch/x86.bpf.h"
#include "vmexit/vcpu-owner.bpf.h"

static __always_inline int exit_svm(struct kvm_vcpu *vcpu, int timing, int casts)
{
	struct vmexit_record *record = vcpu ? exiting_vcpu(vcpu) : NULL;
	struct vcpu_svm *svm = (void *)vcpu;
	const struct vmcb *vmcb;
	__u64 level = 0;

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
	return direct_exit(record, key_of(VMEXIT_ISA_SVM, exit_code_of(vmcb, casts)) | level, timing);
}

static __always_inline int exit_vmx(struct kvm_vcpu *vcpu, int timing, int casts)
{
	struct vmexit_record *record = vcpu ? exiting_vcpu(vcpu) : NULL;
	__u64 level;

	if (!record)
		return 0;
	level = vcpu->stat.guest_mode ? VMEXIT_KEY_L2 : 0;
	return direct_exit(record, key_of(VMEXIT_ISA_VMX, vmx_reason(vcpu, casts)) | level, timing);
}

static __always_inline int entry(struct kvm_vcpu *vcpu, enum purpose purpose)
{
	struct vmexit_record *record = find_record((__u64)vcpu, id_of(vcpu));

	if (!record)
		record = record_found(peek_index(owner_of(vcpu)));
	if (record)
		close_interval(record, purpose);
	return 0;
}

/*
 * A program for each use, of which the addon loads one: a look at config takes three instructions. _cast:
 * where the kernel has bpf_rdonly_cast(), 6.2 and later.
 */
#define DIRECT(event, name, call) \
	SEC("tp_btf/" #event) int BPF_PROG(direct_##name, struct kvm_vcpu *vcpu) \
	{ \
		return call; \
	}

DIRECT(kvm_exit, exit_svm_count, exit_svm(vcpu, 0, 0))
DIRECT(kvm_exit, exit_svm_count_cast, exit_svm(vcpu, 0, 1))
DIRECT(kvm_exit, exit_svm_time, exit_svm(vcpu, 1, 0))
DIRECT(kvm_exit, exit_svm_time_cast, exit_svm(vcpu, 1, 1))
DIRECT(kvm_exit, exit_vmx_count, exit_vmx(vcpu, 0, 0))
DIRECT(kvm_exit, exit_vmx_count_cast, exit_vmx(vcpu, 0, 1))
DIRECT(kvm_exit, exit_vmx_time, exit_vmx(vcpu, 1, 0))
DIRECT(kvm_exit, exit_vmx_time_cast, exit_vmx(vcpu, 1, 1))
DIRECT(kvm_entry, entry_time, entry(vcpu, TIME))
DIRECT(kvm_entry, entry_histogram, entry(vcpu, HISTOGRAM))
DIRECT(kvm_entry, entry_slow, entry(vcpu, SLOW))

/*
 * In common code of every architecture; the end of a vCPU's life, whoever drops its last reference. Not by a
 * kprobe, whose program the kernel leaves out while a task on that CPU is within a BPF system call
 * (bpf_prog_active in trace_call_bpf(), kernel/trace/bpf_trace.c), and be it preempted there: the next vCPU
 * at the address would be taken for this one.
 */
SEC("fentry/kvm_arch_vcpu_destroy")
int BPF_PROG(direct_vcpu_end, struct kvm_vcpu *vcpu)
{
	struct vmexit_record *record = record_found(peek_index(owner_of(vcpu)));

	if (record)
		end_of(record);
	return 0;
}

#endif

/* The histograms that are some vCPU's share, from the one that the argument tells, are free. Run by the
 * addon: a system call for each histogram took a tenth of a start. */
SEC("raw_tp")
int fill_pool(const struct bpf_raw_tracepoint_args *context)
{
	__u32 first = context->args[0], index, i;

	for (i = 0; i < VMEXIT_HISTOGRAMS_PER_VCPU; i++) {
		index = first + i;
		if (bpf_map_push_elem(&free_histograms, &index, BPF_ANY))
			return 1;
	}
	return 0;
}

SEC("tp/kvm/kvm_exit")
int record_exit(const void *context)
{
	__u64 owner = bpf_get_current_pid_tgid();
	struct vmexit_record *record = find_record(owner, owner);
	int vcpu_id = VCPU_ID(context, config.exit_vcpu_id);
	__u32 reason, isa;

	if (!record || record->vcpu_id != vcpu_id)
		record = seek_of_thread(owner, vcpu_id);
	else if (record->flags)
		record = special_record(record);
	if (!record)
		return TO_OTHERS_TOO;
	LOAD(reason, context, 8, "u32");
	isa = config.isa;
	if (config.exit_isa)
		isa = FIELD32(context, config.exit_isa) & VMEXIT_KEY_ISA_MASK;
#ifdef __TARGET_ARCH_arm64
	reason = reason << 8 | FIELD32(context, 12); /* ret, esr_ec */
#endif
	open_interval(record, key_of(isa, reason), config.timing);
	if (config.details) {
		record->rip = FIELD64(context, config.exit_guest_rip);
		record->info1 = FIELD64(context, config.exit_info1);
		record->info2 = FIELD64(context, config.exit_info2);
		record->told = 0;
	}
	return TO_OTHERS_TOO;
}

SEC("tp/kvm/kvm_page_fault")
int record_fault(const void *context)
{
	struct vmexit_record *record = thread_record();

	if (!record)
		return TO_OTHERS_TOO;
	record->fault_address = FIELD64(context, config.fault_address);
	/* Attaching is refused to a program that reads past the record's end. */
	if (config.fault_error_bytes == sizeof(__u32))
		record->fault_error = FIELD32(context, config.fault_error_code);
	else
		record->fault_error = FIELD64(context, config.fault_error_code);
	record->told |= VMEXIT_TOLD_FAULT;
	return TO_OTHERS_TOO;
}

SEC("tp/kvm/kvm_msr")
int record_msr(const void *context)
{
	struct vmexit_record *record = thread_record();

	if (!record)
		return TO_OTHERS_TOO;
	record->msr = FIELD32(context, config.msr_ecx);
	record->told |= VMEXIT_TOLD_MSR;
	return TO_OTHERS_TOO;
}

SEC("tp/kvm/kvm_nested_vmexit")
int record_nested_exit(const void *context)
{
	struct vmexit_record *record = thread_record();

	if (record && record->pending)
		record->pending |= VMEXIT_KEY_L2;
	return TO_OTHERS_TOO;
}

/* L0 makes L1 see an exit of L2: the one that came from there, or an interrupt's found while it was handled.
 */
SEC("tp/kvm/kvm_nested_vmexit_inject")
int record_reflected(const void *context)
{
	struct vmexit_record *record = thread_record();

	/* Without an exit from L2 it is L0 that refused to enter it. */
	if (record && record->pending & VMEXIT_KEY_L2)
		record->pending |= VMEXIT_KEY_REFLECTED;
	return TO_OTHERS_TOO;
}

SEC("tp/kvm/kvm_entry")
int record_entry(const void *context)
{
	__u64 owner = bpf_get_current_pid_tgid();
	struct vmexit_record *record = find_record(owner, owner);
	int vcpu_id = VCPU_ID(context, config.entry_vcpu_id);

	if (!record)
		record = record_found(peek_index(owner));
	if (record && (config.entry_vcpu_id ? record->vcpu_id != vcpu_id : record->flags & VMEXIT_SHARED))
		record = entering(owner, vcpu_id);
	if (record)
		close_interval(record, config.slow ? SLOW : config.histograms ? HISTOGRAM : TIME);
	return TO_OTHERS_TOO;
}

SEC("tp/sched/sched_process_exit")
int record_thread_end(const void *context)
{
	__u32 tid = bpf_get_current_pid_tgid(), i;
	struct vmexit_record *record;

	FOR_EACH_OF_THREAD(record, tid, i)
	{
		end_of(record);
	}
	return TO_OTHERS_TOO;
}
