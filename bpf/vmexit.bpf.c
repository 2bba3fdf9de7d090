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
#include "kernel_memory.bpf.h"
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
	return record && !record->skip ? record : NULL;
}

static __always_inline int direct_exit(struct vmexit_record *record, __u64 key, int timing)
{
	if (timing)
		open_interval(record, key, timing);
	else
		count_exit(record, key);
	return 0;
}

extern const struct svm_cpu_data svm_data __ksym __weak;

/*
 * The exit code in the vCPU's VMCB. Where kernel memory is read through a helper only, that costs some 80
 * instructions; but a kernel variable's pointers are followed by plain loads, and one has mostly the same
 * address: not after KVM went on to L2 or back.
 */
static __always_inline __u32 exit_code_of(const struct vmcb *vmcb, int casts)
{
	struct svm_cpu_data *cpu;
	struct vmcb *current;
	__u64 address;

	if (!casts && &svm_data) {
		cpu = bpf_this_cpu_ptr(&svm_data);
		current = cpu->current_vmcb;
		/* Else the compiler would take the two for one, and read through the number. */
		asm volatile("%0 = %1" : "=r"(address) : "r"(current));
		if (address == (__u64)vmcb)
			return current->control.exit_code;
	}
	return read_u32(&vmcb->control.exit_code, casts);
}

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
	__u32 home = vcpu_home(vcpu);
	struct vmexit_record *record = find_record((__u64)vcpu, home);

	if (!record)
		record = peek_record((__u64)vcpu, home);
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

/* In common code of every architecture; the end of a vCPU's life, whoever drops its last reference. */
SEC("kprobe/kvm_arch_vcpu_destroy")
int BPF_KPROBE(direct_vcpu_end, void *vcpu)
{
	end_record((__u64)vcpu, home_of((__u32)(__u64)vcpu));
	return 0;
}

#endif

/* Where the fields of the tracepoints' records lie, at most: kvm_exit's record is 88 bytes long in 7.2. */
#define FIELDS_END 96

/* A field of a tracepoint's record at an offset known at load; ctx bears no arithmetic, so each has its load.
 * The offset is read once: the verifier drops the loads at others, not another reading of config.
 */
#define FIELD(context, offset, type, load) \
	({ \
		type value = 0; \
		__u32 wanted = offset; \
		_Pragma("unroll") for (__u32 at = 8; at < FIELDS_END; \
				       at += sizeof(type)) if (wanted == at) asm volatile("%0 = *(" load \
											  " *)(%1 + %2)" : \
											  "=r"(value) : \
											  "r"(context), \
											  "i"(at)); \
		value; \
	})
#define FIELD32(context, offset) FIELD(context, offset, __u32, "u32")
#define FIELD64(context, offset) FIELD(context, offset, __u64, "u64")

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
	__u32 reason = FIELD32(context, 8), isa = config.isa;

	if (!record)
		record = seek_record(owner, home,
				     config.exit_vcpu_id ? FIELD32(context, config.exit_vcpu_id) : -1);
	if (!record || record->skip)
		return TO_OTHERS_TOO;
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
	struct vmexit_record *record = thread_record();

	if (record)
		close_interval(record, config.slow ? SLOW : config.histograms ? HISTOGRAM : TIME);
	return TO_OTHERS_TOO;
}

SEC("tp/sched/sched_process_exit")
int record_thread_end(const void *context)
{
	__u64 owner = bpf_get_current_pid_tgid();

	end_record(owner, home_of(owner));
	return TO_OTHERS_TOO;
}
