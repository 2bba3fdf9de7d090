/*
 * Records KVM's events one by one into a ring for each CPU: classic tracepoint programs, which take words out
 * of the tracepoint's record at offsets that the addon found in tracefs. No program waits: what finds no room
 * is counted.
 *
 * A ring needs no lock: a CPU runs one classic tracepoint program at a time, with preemption off
 * (bpf_prog_active in trace_call_bpf(), kernel/trace/bpf_trace.c).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "kernel/fields.bpf.h"
#include "contract/limits.h"
#include "contract/trace.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct trace_config config SEC(".rodata.config");

/* Events on CPUs that came after the recorder was opened: there is no ring for them. */
__u64 lost SEC(".bss.lost");

/* The CPUs' rings one behind another. max_entries of both, for as many CPUs as there are, is set by the
 * addon.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_event);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_cursor);
} cursors SEC(".maps");

/* The processes to record, if config.filter_pids. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PIDS);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps");

/* ctx bears no arithmetic, so each offset has its load; the verifier keeps the one that the constant asks
 * for. */
static __always_inline __u32 word_at(const void *context, __u32 offset)
{
	__u32 value = 0;

#pragma unroll
	for (__u32 at = TRACE_FIRST_OFFSET; at <= TRACE_LAST_OFFSET; at += 4)
		if (offset == at)
			asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(value) : "r"(context), "i"(at));
	return value;
}

static __always_inline int record(const void *context, __u32 kind, __u32 words)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tgid = pid_tgid >> 32, cpu, index;
	struct trace_cursor *cursor;
	struct trace_event *event;
	__u64 head;

	if (config.filter_pids && !bpf_map_lookup_elem(&pids, &tgid))
		return PASS_ON;
	cpu = bpf_get_smp_processor_id();
	cursor = bpf_map_lookup_elem(&cursors, &cpu);
	if (!cursor) {
		__sync_fetch_and_add(&lost, 1);
		return PASS_ON;
	}
	head = cursor->head;
	if ((head - *(volatile __u64 *)&cursor->tail) >> config.ring_shift) {
		cursor->lost++;
		return PASS_ON;
	}
	index = cpu << config.ring_shift | (head & ((1u << config.ring_shift) - 1));
	event = bpf_map_lookup_elem(&events, &index);
	if (!event)
		return PASS_ON;
	event->time_ns = bpf_ktime_get_ns();
	event->tgid = tgid;
	event->tid = pid_tgid;
	event->kind = kind;
#pragma unroll
	for (__u32 i = 0; i < TRACE_WORDS; i++)
		if (i < words)
			event->data[i] = word_at(context, config.offsets[kind][i]);
	/* The event before the head, on x86, which keeps the order of writes; elsewhere the recorder sees to
	 * it. */
	asm volatile("" ::: "memory");
	*(volatile __u64 *)&cursor->head = head + 1;
	return PASS_ON;
}

#define RECORD(event, kind, words) \
	SEC("tp/kvm/" #event) \
	int event(const void *context) \
	{ \
		return record(context, kind, words); \
	}

RECORD(kvm_entry, TRACE_ENTRY, 1)
RECORD(kvm_exit, TRACE_EXIT, 8)
RECORD(kvm_nested_vmexit, TRACE_NESTED_EXIT, 0)
RECORD(kvm_nested_vmexit_inject, TRACE_REFLECTED, 0)
RECORD(kvm_page_fault, TRACE_PAGE_FAULT, 3)
RECORD(kvm_inj_virq, TRACE_INJECTED, 1)
RECORD(kvm_pio, TRACE_PORT, 4)
RECORD(kvm_cr, TRACE_CONTROL_REGISTER, 4)
RECORD(kvm_msr, TRACE_MSR, 4)
RECORD(kvm_cpuid, TRACE_CPUID, 5)
RECORD(kvm_hypercall, TRACE_HYPERCALL, 3)
RECORD(kvm_apic, TRACE_APIC, 3)
RECORD(kvm_userspace_exit, TRACE_USERSPACE_EXIT, 2)
RECORD(kvm_vcpu_wakeup, TRACE_WAKEUP, 2)
