/*
 * Counts and times VM exits: programs on kvm_exit and kvm_entry, in two ways to attach. The addon loads the
 *ones that fit the kernel.
 *
 * direct_*: BTF-typed raw tracepoints of x86, Linux 5.16 and later, with the modules' BTF. They skip the
 *	tracepoint's record and read the reason from the vendor's vCPU struct. A record belongs to a vCPU.
 * record_*: classic tracepoints, anywhere. They read the tracepoint's record, which doesn't tell the vCPU's
 *	address or its level, so a record belongs to a thread and kvm_nested_vmexit tells of L2.
 */
#include "accounting.bpf.h"
#include "kernel/memory.bpf.h"
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

static __always_inline int direct_exit(struct vmexit_record *record, __u64 key, int timing)
{
	if (timing)
		open_interval(record, key, timing);
	else
		count_exit(record, key);
	return 0;
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

/* Where the fields of the tracepoints' records lie, at most: kvm_exit's record is 88 bytes long in 7.2. */
#define FIELDS_END 96

/* ctx bears no arithmetic: each offset has its load. */
#define LOAD(value, context, at, load) \
	asm volatile("%0 = *(" load " *)(%1 + %2)" : "=r"(value) : "r"(context), "i"(at))

/*
 * A field of a tracepoint's record at an offset known when the program is loaded. It is read once: the
 * verifier drops the loads at others, not another reading of config. Each comparison stands alone, for it
 * drops those too, but not the arithmetic and jumps of a switch; of 64 bits, for 32 would be moved each time.
 */
#define FIELD(context, offset, type, load, otherwise) \
	({ \
		type value = otherwise; \
		__u64 wanted = offset; \
		_Pragma("unroll") for (__u32 at = 8; at < FIELDS_END; at += sizeof(type)) \
		{ \
			barrier_var(wanted); \
			if (wanted == at) \
				LOAD(value, context, at, load); \
		} \
		value; \
	})
#define FIELD32(context, offset) FIELD(context, offset, __u32, "u32", 0)
#define FIELD64(context, offset) FIELD(context, offset, __u64, "u64", 0)
/* -1 where the event doesn't tell it. */
#define VCPU_ID(context, offset) ((int)FIELD(context, offset, __u32, "u32", -1))

/*
 * Records of threads. A thread mostly runs one vCPU; its record is found by the thread alone: tgid << 32 |
 * tid. Others that it runs have records of their own, at the same places: all owners with the same low half
 * are of one thread.
 */
static __always_inline __u64 owner_of_other(__u64 thread, __u32 vcpu_id)
{
	return thread ^ (__u64)(vcpu_id + 1) << 32;
}

/* There is a record at each place: see peek_index(). */
#define FOR_EACH_OF_THREAD(record, tid, i) \
	for (i = 0; i < VMEXIT_PROBES && (record = record_at(place_of(tid, i))); i++) \
		if ((__u32)record->owner == tid)

/* The thread's later events are of `owner`'s vCPU, until another's exit. Global, so that it is walked once.
 */
__noinline int exits_last(__u64 owner)
{
	__u32 tid = owner, i;
	struct vmexit_record *record;

	FOR_EACH_OF_THREAD(record, tid, i)
	{
		record->flags |= VMEXIT_SHARED;
		record->last = record->owner == owner;
	}
	return 0;
}

/* A record that exits, if it is to be counted. */
static __noinline struct vmexit_record *special_record(struct vmexit_record *record)
{
	if (record->flags & VMEXIT_SHARED)
		exits_last(record->owner);
	return record->flags & VMEXIT_SKIPPED ? NULL : record;
}

/* Global, so that it is walked once. */
__noinline int seek_thread(__u64 owner, int vcpu_id)
{
	int index = seek_index(owner, vcpu_id);

	if (!index)
		lose(owner == bpf_get_current_pid_tgid() ? &health.records_full : &health.threads_full,
		     vcpu_id);
	return index;
}

/* The record of a vCPU that exits and isn't found at once, or isn't the thread's first; NULL if it isn't
 * traced. */
static __noinline struct vmexit_record *seek_of_thread(__u64 thread, int vcpu_id)
{
	struct vmexit_record *record = record_found(seek_thread(thread, vcpu_id));

	if (record && record->vcpu_id != vcpu_id) {
		record = record_found(seek_thread(owner_of_other(thread, vcpu_id), vcpu_id));
		if (record)
			record->flags |= VMEXIT_SHARED;
	}
	return record ? special_record(record) : NULL;
}

static __noinline struct vmexit_record *peek_last(__u32 tid)
{
	__u32 i;
	struct vmexit_record *record;

	FOR_EACH_OF_THREAD(record, tid, i)
	{
		if (!(record->flags & VMEXIT_SHARED) || record->last)
			return record;
	}
	return NULL;
}

/* The record of a thread's vCPU that is entered, where it runs several. */
static __noinline struct vmexit_record *entering(__u32 tid, int vcpu_id)
{
	__u32 i;
	struct vmexit_record *record;

	FOR_EACH_OF_THREAD(record, tid, i)
	{
		if (vcpu_id < 0 ? record->last : record->vcpu_id == vcpu_id)
			return record;
	}
	return NULL;
}

/* The record of the vCPU that exited last on this thread. */
static __always_inline struct vmexit_record *thread_record(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct vmexit_record *record = record_at(place_of(tid, 0));

	if (record && (__u32)record->owner == tid && !(record->flags & VMEXIT_SHARED))
		return record;
	return peek_last(tid);
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
