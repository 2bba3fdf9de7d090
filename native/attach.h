// Attaches a program to what its section names, at the least cost to the events.
#ifndef ATTACH_H
#define ATTACH_H

#include <bpf/libbpf.h>

#include "kernel.h"

namespace vmexit
{

// While it lives, what this thread opens and loads of BPF objects names what this kernel has: programs of the
// section tp_btf/EVENT attach to KVM's tracepoints, whose types' numbers are known, and the numbers of
// bpf/kernel_symbols.h are replaced. libbpf would look for each in vmlinux's BTF, and once more for each
// module that is loaded, which are 3 million instructions each.
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

private:
	void close_btf();

	const DirectSupport &support_;
	int kvm_, module_; // descriptors of the modules' BTF; 0 where they are built in
};

// As bpf_program__attach(): nullptr and errno if it fails.
bpf_link *attach(const bpf_program *program);

} // namespace vmexit

#endif
