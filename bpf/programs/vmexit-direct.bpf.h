/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * direct_*: programs on BTF-typed raw tracepoints and functions of x86, Linux 5.16 and later, with the
 * modules' BTF. They skip the tracepoint's payload and read the reason from the vendor's vCPU struct. An
 * account belongs to a vCPU.
 */
#ifndef PROGRAMS_VMEXIT_DIRECT_BPF_H
#define PROGRAMS_VMEXIT_DIRECT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "../vmexit/kvm-run.bpf.h"
#include "../vmexit/span.bpf.h"
#include "../vmexit/vcpu-account.bpf.h"
#include "../arch/x86.bpf.h"
#include "../arch/svm-detail.bpf.h"
#include "../arch/vmx-detail.bpf.h"
#include "../kernel/types.h"

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
	struct vmexit_account *account = vcpu ? vcpu_for_exit(vcpu, TYPED) : NULL;
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
	struct vmexit_account *account = vcpu ? vcpu_for_exit(vcpu, TYPED) : NULL;
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
DIRECT(kvm_entry, entry_time, vcpu_entered(vcpu, TYPED, TIME))
DIRECT(kvm_entry, entry_histogram, vcpu_entered(vcpu, TYPED, HISTOGRAM))
DIRECT(kvm_entry, entry_slow, vcpu_entered(vcpu, TYPED, SLOW))

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

/* An entry before which the detail is amended. Only KVM that runs guests of SEV-ES needs it of SVM. */
static __always_inline int entry_amended(struct kvm_vcpu *vcpu, __u32 isa, enum purpose purpose, int casts)
{
	struct vmexit_account *account = vcpu_for_entry(vcpu, TYPED);

	if (!account || !vcpu)
		return 0;
	if (isa == ISA_VMX)
		vmx_detail_at_entry(vcpu, &account->exit, casts);
	else
		svm_detail_at_entry(vcpu, (const struct vmcb *)account->vmcb01, &account->exit, casts);
	span_end(account, &account->exit, purpose);
	return 0;
}

#define AMENDED(vendor, isa) \
	DIRECT(kvm_entry, entry_##vendor##_time, entry_amended(vcpu, isa, TIME, 0)) \
	DIRECT(kvm_entry, entry_##vendor##_time_cast, entry_amended(vcpu, isa, TIME, 1)) \
	DIRECT(kvm_entry, entry_##vendor##_histogram, entry_amended(vcpu, isa, HISTOGRAM, 0)) \
	DIRECT(kvm_entry, entry_##vendor##_histogram_cast, entry_amended(vcpu, isa, HISTOGRAM, 1))

AMENDED(vmx, ISA_VMX)
AMENDED(svm, ISA_SVM)

/* Sees EPT violations and, other than tracepoint kvm_page_fault, MMIO; not a fast one, see below. */
SEC("fentry/kvm_mmu_page_fault")
int BPF_PROG(direct_fault, struct kvm_vcpu *vcpu, __u64 address, __u64 error)
{
	struct vmexit_account *account = vcpu_for_entry(vcpu, TYPED);

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
