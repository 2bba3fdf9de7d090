/* SPDX-License-Identifier: MIT */
/*
 * The programs' object with an exit program that no verifier takes: it reads through a null pointer.
 */
#include "../../bpf/vmexit/maps.bpf.h"
#include "../../bpf/accounts/accounts.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("fentry/kvm_arch_vcpu_destroy")
int direct_vcpu_end(void *context)
{
	return config.timing;
}

static __always_inline int refused(void)
{
	losses.slots_full += account_at(0)->start_ns;
	return 0;
}

SEC("tp_btf/kvm_exit")
int direct_exit_svm_count(void *context)
{
	return refused();
}

SEC("tp_btf/kvm_exit")
int direct_exit_svm_count_cast(void *context)
{
	return refused();
}

SEC("raw_tp")
int fill_pool(void *context)
{
	return 0;
}
