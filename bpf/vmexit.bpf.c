/*
 * Counts and times VM exits: programs on kvm_exit and kvm_entry, in two ways to attach. The addon loads those
 * that fit the kernel.
 *
 * direct_*: BTF-typed raw tracepoints of x86, Linux 5.16 and later, with the modules' BTF. They skip the
 *	tracepoint's payload and read the reason from the vendor's vCPU struct. An account belongs to a vCPU.
 * record_*: classic tracepoints, anywhere. They read the tracepoint's payload, which has neither the vCPU's
 *	address nor its level: an account belongs to a thread, and kvm_nested_vmexit marks exits from L2.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "kernel/fields.bpf.h"
#include "kernel/types.h"
#include "vmexit/maps.bpf.h"
#include "vmexit/span.bpf.h"
#include "vmexit/thread-owner.bpf.h"
#include "vmexit/vcpu-account.bpf.h"
#ifdef __TARGET_ARCH_x86
#include "arch/x86.bpf.h"
#else
#include "arch/arm64.bpf.h"
#endif

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline __u64 key_of(__u64 isa, __u32 reason)
{
	return VMEXIT_KEY_TAKEN | isa << VMEXIT_KEY_ISA_SHIFT | reason;
}

#ifdef __TARGET_ARCH_x86

/* Without timing an exit is counted at once: its key is known, and nothing ends it. */
static __always_inline int direct_exit(struct vmexit_account *account, __u64 key, int timing)
{
	if (!timing) {
		slot_count(account, key);
		return 0;
	}
	span_file_unfinished(account, &account->exit, timing);
	span_begin(&account->exit, key, timing);
	return 0;
}

static __always_inline int exit_svm(struct kvm_vcpu *vcpu, int timing, int casts)
{
	struct vmexit_account *account = vcpu ? vcpu_for_exit(vcpu) : NULL;
	__u64 level = 0;
	const struct vmcb *vmcb;

	if (!account)
		return 0;
	if (vcpu->stat.guest_mode)
		level = VMEXIT_KEY_L2;
	vmcb = svm_vmcb(vcpu, !!level, &account->vmcb01);
	return direct_exit(account, key_of(ISA_SVM, svm_exit_code(vmcb, casts)) | level, timing);
}

static __always_inline int exit_vmx(struct kvm_vcpu *vcpu, int timing, int casts)
{
	struct vmexit_account *account = vcpu ? vcpu_for_exit(vcpu) : NULL;
	__u64 level;

	if (!account)
		return 0;
	level = vcpu->stat.guest_mode ? VMEXIT_KEY_L2 : 0;
	return direct_exit(account, key_of(ISA_VMX, vmx_reason(vcpu, casts)) | level, timing);
}

static __always_inline int entry(struct kvm_vcpu *vcpu, enum purpose purpose)
{
	struct vmexit_account *account = vcpu_for_entry(vcpu);

	if (account)
		span_end(account, &account->exit, purpose);
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
 * In common code of every architecture; the end of a vCPU's life, whatever drops its last reference. Not by a
 * kprobe, whose program the kernel leaves out while a task on that CPU is within a BPF system call
 * (bpf_prog_active in trace_call_bpf(), kernel/trace/bpf_trace.c), even if it is preempted there: the next
 * vCPU at the address would be taken for this one.
 */
SEC("fentry/kvm_arch_vcpu_destroy")
int BPF_PROG(direct_vcpu_end, struct kvm_vcpu *vcpu)
{
	struct vmexit_account *account = vcpu_search(vcpu);

	if (account)
		account_release(account);
	return 0;
}

#endif

/* Makes one vCPU's share of histograms free, from the one on that the argument is. Run by the addon: a system
 * call for each histogram took a tenth of a start. */
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
int record_exit(const void *payload)
{
	__u64 isa = payload_isa(payload) & VMEXIT_KEY_ISA_MASK;
	__u32 reason = payload_reason(payload);
	struct vmexit_account *account =
	    thread_for_exit(bpf_get_current_pid_tgid(), field_u32(payload, FIELD_EXIT_VCPU_ID));

	if (!account)
		return PASS_ON;
	span_file_unfinished(account, &account->exit, config.timing);
	span_begin(&account->exit, key_of(isa, reason), config.timing);
	if (config.details) {
		account->rip = field_u64(payload, FIELD_EXIT_RIP);
		account->info1 = field_u64(payload, FIELD_EXIT_INFO1);
		account->info2 = field_u64(payload, FIELD_EXIT_INFO2);
		account->has = 0;
	}
	return PASS_ON;
}

SEC("tp/kvm/kvm_page_fault")
int record_fault(const void *payload)
{
	struct vmexit_account *account = thread_last();

	if (!account)
		return PASS_ON;
	account->fault_address = field_u64(payload, FIELD_FAULT_ADDRESS);
	account->fault_error = field_u64(payload, FIELD_FAULT_ERROR);
	account->has |= VMEXIT_HAS_FAULT;
	return PASS_ON;
}

SEC("tp/kvm/kvm_msr")
int record_msr(const void *payload)
{
	struct vmexit_account *account = thread_last();

	if (!account)
		return PASS_ON;
	account->msr = field_u32(payload, FIELD_MSR_NUMBER);
	account->has |= VMEXIT_HAS_MSR;
	return PASS_ON;
}

SEC("tp/kvm/kvm_nested_vmexit")
int record_nested_exit(const void *payload)
{
	struct vmexit_account *account = thread_last();

	if (account)
		span_amend(&account->exit, VMEXIT_KEY_L2);
	return PASS_ON;
}

/* L0 makes L1 see an exit of L2: the one that came from there, or an interrupt's found while it was handled.
 * Without an exit from L2 it is L0 that refused to enter it. */
SEC("tp/kvm/kvm_nested_vmexit_inject")
int record_reflected(const void *payload)
{
	struct vmexit_account *account = thread_last();

	if (account && account->exit.key & VMEXIT_KEY_L2)
		span_amend(&account->exit, VMEXIT_KEY_REFLECTED);
	return PASS_ON;
}

SEC("tp/kvm/kvm_entry")
int record_entry(const void *payload)
{
	struct vmexit_account *account =
	    thread_for_entry(bpf_get_current_pid_tgid(), field_u32(payload, FIELD_ENTRY_VCPU_ID));

	if (account)
		span_end(account, &account->exit, config.slow ? SLOW : config.histograms ? HISTOGRAM : TIME);
	return PASS_ON;
}

SEC("tp/sched/sched_process_exit")
int record_thread_end(const void *payload)
{
	__u32 tid = bpf_get_current_pid_tgid(), i;
	struct vmexit_account *account;

	FOR_EACH_OF_THREAD(account, tid, i)
	{
		account_release(account);
	}
	return PASS_ON;
}
