/* SPDX-License-Identifier: MIT */
// Programs that do nothing, on raw tracepoints and on records: the least that any tool adds to an exit.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("raw_tp/kvm_exit") int raw_exit(void *context)
{
	return 0;
}

SEC("raw_tp/kvm_entry") int raw_entry(void *context)
{
	return 0;
}

SEC("tp/kvm/kvm_exit") int record_exit(void *context)
{
	return 0;
}

SEC("tp/kvm/kvm_entry") int record_entry(void *context)
{
	return 0;
}
