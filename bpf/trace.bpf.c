/*
 * Records KVM's events one by one into a ring buffer: classic tracepoint programs, which take words out of
 * the tracepoint's record at offsets that the addon found in tracefs. No program waits: what finds no room is
 * counted.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "trace.h"

#define MAX_PIDS 1024

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct trace_config config SEC(".rodata.config");

/* Events for which there was no room. */
__u64 lost SEC(".bss.lost");

/* max_entries, its size in bytes, is set by the addon. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

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
	__u32 tgid = pid_tgid >> 32;
	struct trace_event *event;

	if (config.filter_pids && !bpf_map_lookup_elem(&pids, &tgid))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event) + 4 * words, 0);
	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->tgid = tgid;
	event->tid = pid_tgid;
	event->kind = kind;
	event->words = words;
#pragma unroll
	for (__u32 i = 0; i < TRACE_WORDS; i++)
		if (i < words)
			event->data[i] = word_at(context, config.offsets[kind][i]);
	/* The recorder looks by itself, often enough: waking it would cost more than all of this. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
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
