/* SPDX-License-Identifier: MIT */
// What libbpf looks at to find fields in the kernel's structs (CO-RE): those that the BPF programs name, in a
// file, instead of all types of vmlinux and of each module, which it would walk through once for each struct.
#ifndef CORE_BTF_H
#define CORE_BTF_H

#include <stdexcept>
#include <string>

#include "btf.h"
#include "handles.h"

namespace vmexit
{

class CoreBtf
{
public:
	// Of the structs that `kernel` has; null leaves all to libbpf. Throws std::runtime_error if there can
	// be no file in memory.
	explicit CoreBtf(const KernelBtf *kernel);
	~CoreBtf();
	CoreBtf(const CoreBtf &) = delete;
	CoreBtf &operator=(const CoreBtf &) = delete;

	// Opens a BPF object, to be loaded while this lives: the structs and members that it names are found
	// there, flavours (NAME___FLAVOUR) as NAME, and what the kernel lacks is missing. Throws
	// std::runtime_error with a message for the user.
	Object open(const std::string &object);

private:
	const KernelBtf *kernel_;
	int file_ = -1;
	std::string path_;
};

// What bpf_object__load() failed with, for the user; the verifier's refusals apart.
std::runtime_error load_error(int error);

} // namespace vmexit

#endif
