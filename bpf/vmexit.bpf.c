/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
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
#include "vmexit/kvm-run.bpf.h"
#ifdef __TARGET_ARCH_x86
#include "arch/x86.bpf.h"
#include "arch/x86-detail.bpf.h"
#else
#include "arch/arm64.bpf.h"
#include "arch/arm64-detail.bpf.h"
#endif

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline __u64 key_of(__u64 isa, __u32 reason)
{
	return VMEXIT_KEY_TAKEN | isa << VMEXIT_KEY_ISA_SHIFT | reason;
}

#ifdef __TARGET_ARCH_x86

static __always_inline __u64 level_of(const struct kvm_vcpu *vcpu)
{
	return vcpu->stat.guest_mode ? VMEXIT_KEY_L2 : 0;
}

/* Without timing an exit is counted at once: its key is known, and nothing ends it. With it the span has the
 * key's upper half first, which is one store of a constant that needs no register any more. */

static __always_inline int svm_exited(struct kvm_vcpu *vcpu, struct vmexit_account *account,
				      const struct vmcb *vmcb, __u32 code, __u64 level, int timing,
				      enum reads reads)
{
	if (!timing) {
		slot_count(account, key_of(ISA_SVM, code) | level);
		return 0;
	}
	if (DETAILS)
		svm_detail(vcpu, code, vmcb, reads, &account->exit);
	span_reason(&account->exit, code);
	return 0;
}

static __always_inline int exit_svm(struct kvm_vcpu *vcpu, int timing, int casts)
{
	struct vmexit_account *account = vcpu ? vcpu_for_exit(vcpu) : NULL;
	const struct vmcb *vmcb;
	struct vmcb *near;
	__u64 level;
	__u32 code;

	if (!account)
		return 0;
	if (timing)
		span_file_unfinished(account, &account->exit, timing);
	if (vcpu->stat.guest_mode) {
		level = VMEXIT_KEY_L2;
		if (timing)
			span_flags(&account->exit, key_of(ISA_SVM, 0) | VMEXIT_KEY_L2);
		vmcb = svm_vmcb_of_l2(vcpu);
	} else {
		level = 0;
		if (timing)
			span_flags(&account->exit, key_of(ISA_SVM, 0));
		vmcb = svm_vmcb_of_l1(vcpu, &account->vmcb01);
	}
	if (casts)
		return svm_exited(vcpu, account, vmcb, svm_exit_code(vmcb, CAST), level, timing, CAST);
	near = svm_near(vmcb);
	/* With details each has a way of its own: to ask again for each field would cost more. */
	if (DETAILS && near)
		return svm_exited(vcpu, account, near, svm_exit_code(near, NEAR), level, timing, NEAR);
	code = near ? svm_exit_code(near, NEAR) : svm_exit_code(vmcb, FAR);
	return svm_exited(vcpu, account, vmcb, code, level, timing, FAR);
}

static __always_inline int exit_vmx(struct kvm_vcpu *vcpu, int timing, int casts)
{
	struct vmexit_account *account = vcpu ? vcpu_for_exit(vcpu) : NULL;
	__u32 reason;

	if (!account)
		return 0;
	if (!timing) {
		slot_count(account, key_of(ISA_VMX, vmx_reason(vcpu, casts)) | level_of(vcpu));
		return 0;
	}
	span_file_unfinished(account, &account->exit, timing);
	span_flags(&account->exit, key_of(ISA_VMX, 0) | level_of(vcpu));
	reason = vmx_reason(vcpu, casts);
	if (DETAILS)
		vmx_detail(vcpu, reason, &account->exit);
	span_reason(&account->exit, reason);
	return 0;
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

/* Where KVM_RUN returns to the VMM, and where it begins. Exits that stay in the kernel don't meet them. */
SEC("tp_btf/kvm_userspace_exit")
int BPF_PROG(direct_run_return, __u32 reason, int status)
{
	__u64 page = 0;
	struct vmexit_account *account = run_ends(&page);

	if (account)
		run_returned(account, reason, status, page);
	return 0;
}

#define RUN_BEGIN(name, purpose) \
	SEC("fentry/kvm_arch_vcpu_ioctl_run") int BPF_PROG(direct_run_##name, struct kvm_vcpu *vcpu) \
	{ \
		return run_begins(vcpu, purpose); \
	}

RUN_BEGIN(time, TIME)
RUN_BEGIN(histogram, HISTOGRAM)

#if DETAILS

static __always_inline int entry_vmx(struct kvm_vcpu *vcpu, enum purpose purpose, int casts)
{
	struct vmexit_account *account = vcpu_for_entry(vcpu);

	if (!account || !vcpu)
		return 0;
	vmx_detail_at_entry(vcpu, &account->exit, casts);
	span_end(account, &account->exit, purpose);
	return 0;
}

DIRECT(kvm_entry, entry_vmx_time, entry_vmx(vcpu, TIME, 0))
DIRECT(kvm_entry, entry_vmx_time_cast, entry_vmx(vcpu, TIME, 1))
DIRECT(kvm_entry, entry_vmx_histogram, entry_vmx(vcpu, HISTOGRAM, 0))
DIRECT(kvm_entry, entry_vmx_histogram_cast, entry_vmx(vcpu, HISTOGRAM, 1))

/* Sees EPT violations and, other than tracepoint kvm_page_fault, MMIO; not a fast one, see below. */
SEC("fentry/kvm_mmu_page_fault")
int BPF_PROG(direct_fault, struct kvm_vcpu *vcpu, __u64 address, __u64 error)
{
	struct vmexit_account *account = vcpu_for_entry(vcpu);

	if (account)
		x86_handled_fault(&account->exit, address, error);
	return 0;
}

#endif

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

#if DETAILS

/* The same for VMX: what KVM has read of the vCPU's last exit, which no entry followed. */
SEC("fentry/kvm_arch_vcpu_destroy")
int BPF_PROG(direct_vcpu_end_vmx, struct kvm_vcpu *vcpu)
{
	struct vmexit_account *account = vcpu_search(vcpu);

	if (!account || !vcpu)
		return 0;
	vmx_detail_at_entry(vcpu, &account->exit, 0);
	account_release(account);
	return 0;
}

#endif

/* The net times leave out that the vCPU sleeps or waits for a CPU. Outside of KVM_RUN KVM isn't told. */
SEC("fentry/kvm_sched_out")
int BPF_PROG(direct_sched_out, void *notifier)
{
	struct vmexit_account *account = vcpu_known(owner_of_notifier(number_of(notifier)));

	if (account && account->exit.key)
		account->out_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("fentry/kvm_sched_in")
int BPF_PROG(direct_sched_in, void *notifier)
{
	struct vmexit_account *account = vcpu_known(owner_of_notifier(number_of(notifier)));

	if (!account || !account->out_ns)
		return 0;
	span_leave_out(&account->exit, account->out_ns);
	account->out_ns = 0;
	return 0;
}

#endif

#define HISTOGRAMS (DETAILS ? VMEXIT_HISTOGRAMS_BY_DETAIL : VMEXIT_HISTOGRAMS_PER_VCPU)

/* Makes one vCPU's share of histograms and of tables free; the argument is its number. Run by the addon: a
 * system call for each histogram took a tenth of a start. */
SEC("raw_tp")
int fill_pool(const struct bpf_raw_tracepoint_args *context)
{
	__u32 vcpu = context->args[0], index, i;

	for (i = 0; config.histograms && i < HISTOGRAMS; i++) {
		index = vcpu * HISTOGRAMS + i;
		if (bpf_map_push_elem(&free_histograms, &index, BPF_ANY))
			return 1;
	}
	return DETAILS && bpf_map_push_elem(&free_details, &vcpu, BPF_ANY);
}

SEC("tp/kvm/kvm_exit")
int record_exit(const void *payload)
{
	__u64 isa = payload_isa(payload) & VMEXIT_KEY_ISA_MASK, bits = 0;
	__u32 reason = payload_reason(payload);
	struct vmexit_account *account =
	    thread_for_exit(bpf_get_current_pid_tgid(), field_u32(payload, FIELD_EXIT_VCPU_ID));

	if (!account)
		return PASS_ON;
	span_file_unfinished(account, &account->exit, config.timing);
	if (DETAILS) {
		bits = payload_detail(payload, isa, reason, &account->exit.detail);
		account->rip = field_u64(payload, FIELD_EXIT_RIP);
	}
	span_begin(&account->exit, key_of(isa, reason) | bits, config.timing);
	return PASS_ON;
}

#if DETAILS

/* An event that tells the detail of the exit that is open, by `tell`. */
#define RECORD_DETAIL(event, name, tell) \
	SEC("tp/kvm/" #event) int record_##name(const void *payload) \
	{ \
		struct vmexit_account *account = thread_last(); \
		struct vmexit_span *span; \
\
		if (!account) \
			return PASS_ON; \
		span = &account->exit; \
		tell; \
		return PASS_ON; \
	}

#ifdef __TARGET_ARCH_x86
RECORD_DETAIL(kvm_msr, msr, x86_msr(span, field_u32(payload, FIELD_MSR_NUMBER)))
RECORD_DETAIL(kvm_cpuid, cpuid,
	      x86_cpuid(span, field_u32(payload, FIELD_CPUID_LEAF), field_u32(payload, FIELD_CPUID_SUBLEAF)))
RECORD_DETAIL(kvm_hypercall, hypercall,
	      x86_hypercall(span, VMEXIT_HYPERCALL_KVM, field_u32(payload, FIELD_HYPERCALL_NUMBER)))
RECORD_DETAIL(kvm_hv_hypercall, hv_hypercall,
	      x86_hypercall(span, VMEXIT_HYPERCALL_HYPERV, field_u32(payload, FIELD_HV_HYPERCALL_CODE)))
RECORD_DETAIL(kvm_xen_hypercall, xen_hypercall,
	      x86_hypercall(span, VMEXIT_HYPERCALL_XEN, field_u32(payload, FIELD_XEN_HYPERCALL_NUMBER)))
RECORD_DETAIL(kvm_page_fault, fault, x86_fault(span, field_u64(payload, FIELD_FAULT_ADDRESS)))
RECORD_DETAIL(kvm_mmio, mmio, x86_mmio(span, field_u64(payload, FIELD_MMIO_ADDRESS)))
RECORD_DETAIL(kvm_fast_mmio, fast_mmio, x86_mmio(span, field_u64(payload, FIELD_FAST_MMIO_ADDRESS)))
#else
RECORD_DETAIL(kvm_handle_sys_reg, sys_reg,
	      arm64_register(span, field_u32(payload, FIELD_ARM64_SYNDROME_OF_REGISTER)))
RECORD_DETAIL(kvm_guest_fault, guest_fault,
	      arm64_fault(span, field_u32(payload, FIELD_ARM64_SYNDROME_OF_FAULT),
			  field_u64(payload, FIELD_ARM64_FAULT_ADDRESS)))
RECORD_DETAIL(kvm_hvc_arm64, hvc, arm64_function(span, field_u32(payload, FIELD_ARM64_FUNCTION)))
RECORD_DETAIL(kvm_wfx_arm64, wfx, arm64_wait(span, field_u32(payload, FIELD_ARM64_WAITS_FOR_EVENT)))
RECORD_DETAIL(kvm_mmio, arm64_mmio, arm64_mmio(span, field_u64(payload, FIELD_MMIO_ADDRESS)))
#endif

#endif

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

SEC("tp/kvm/kvm_userspace_exit")
int record_run_return(const void *payload)
{
	struct vmexit_account *account = thread_for_return();

	if (!account)
		return PASS_ON;
	run_returned(account, field_u32(payload, FIELD_RUN_REASON), field_u32(payload, FIELD_RUN_ERRNO), 0);
	if (DETAILS)
		run_take_told(account);
	return PASS_ON;
}

/* The first entry of a KVM_RUN finds the span open; the others find none. */
SEC("tp/kvm/kvm_entry")
int record_run(const void *payload)
{
	struct vmexit_account *account = thread_for_run(field_u32(payload, FIELD_ENTRY_VCPU_ID));

	if (!account)
		return PASS_ON;
	span_end(account, &account->exit, config.histograms ? HISTOGRAM : TIME);
	if (DETAILS)
		account->rip = 0;
	return PASS_ON;
}

#if DETAILS

/* KVM_TRACE_MMIO_READ, include/trace/events/kvm.h, of a read that KVM_RUN goes on with: the VMM has answered.
 */
#define MMIO_READ 1
#define MMIO_WRITE 2

SEC("tp/kvm/kvm_mmio")
int record_run_mmio(const void *payload)
{
	struct vmexit_account *account = thread_last();
	__u32 type = field_u32(payload, FIELD_MMIO_TYPE);

	if (account && !account->exit.key && type != MMIO_READ)
		run_told(account, RUN_MMIO,
			 run_mmio(field_u64(payload, FIELD_MMIO_ADDRESS), type == MMIO_WRITE));
	return PASS_ON;
}

#ifdef __TARGET_ARCH_x86

/* A read is told when the VMM has answered it. */
SEC("tp/kvm/kvm_pio")
int record_run_pio(const void *payload)
{
	struct vmexit_account *account = thread_last();

	if (account && !account->exit.key && field_u32(payload, FIELD_PIO_IS_OUT))
		run_told(account, RUN_IO,
			 run_port(field_u32(payload, FIELD_PIO_PORT), field_u32(payload, FIELD_PIO_SIZE), 1,
				  field_u32(payload, FIELD_PIO_COUNT) > 1));
	return PASS_ON;
}

#endif

#endif
