/* SPDX-License-Identifier: MIT */
// What programs name of the kernel beyond its structs: what they attach to, a function, a variable.
#ifndef KERNEL_NAMES_H
#define KERNEL_NAMES_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "support.h"

namespace vmexit
{

// While it lives, what this thread opens and loads of BPF objects names what this kernel has: programs of the
// sections tp_btf/EVENT, fentry/FUNCTION and fexit/FUNCTION attach to KVM's, those of iter/WHAT to vmlinux's.
// Their types' numbers are known, and the numbers of bpf/kernel_symbols.h are replaced. libbpf would look for
// each in vmlinux's BTF and in that of each loaded module: 3 million instructions for each.
class KernelNames
{
public:
	// `support` lives as long. Throws std::runtime_error where the BTF of KVM's modules can't be opened.
	explicit KernelNames(const DirectSupport &support);
	~KernelNames();
	KernelNames(const KernelNames &) = delete;
	KernelNames &operator=(const KernelNames &) = delete;

	// Of a program that will be loaded; once, between opening and loading.
	void put_into(bpf_program *program) const;
	// For libbpf, of a program of those sections: 0, or a negative errno.
	int attach_to_target(const bpf_program *program, bpf_prog_load_opts &options) const;

private:
	void close_btf();

	const DirectSupport &support_;
	int kvm_, module_; // descriptors of the modules' BTF; 0 where they are built in
};

} // namespace vmexit

#endif
