/* SPDX-License-Identifier: MIT */
// What the running kernel offers the programs: asked of its BTF, never of its version.
#ifndef KERNEL_H
#define KERNEL_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "btf.h"

namespace vmexit
{

// The module that drives the CPU's virtualisation, and its name in those of the BPF programs.
struct Vendor {
	const char *module;
	const char *name;
	const char *vcpu_struct;
	uint32_t isa; // ISA_*
};

// The vendor whose module drives KVM; nullptr if the programs know no such vendor (other processors,
// kvm_pvm).
const Vendor *loaded_vendor();

// Whether the architecture has one instruction set, so that no payload tells it: all but x86's.
bool has_one_isa();

// What programs meet here that read KVM's own structs, and need no payload.
struct DirectSupport {
	// Why they can't be used, or nothing if they can.
	std::optional<std::string> obstacle;
	// The vendor's module, and what has its structs: vmlinux's BTF if it has none of its own.
	const char *module = nullptr;
	const KernelBtf *structs = nullptr;
	std::unique_ptr<KernelBtf> own_structs;
	// Numbers of types, 0 where there is none: of bpf_rdonly_cast(), by which kernel memory is read by
	// plain loads, and of struct pt_regs, in vmlinux; of variables in the module.
	uint32_t rdonly_cast = 0, cast_type = 0, svm_data = 0, running_vcpu = 0;
	// What they attach to, by their sections' names: the type's number in the BTF of kKvm, or of vmlinux.
	std::map<std::string, uint32_t> targets, targets_of_vmlinux;

	// Whether they may read kernel memory by plain loads.
	bool casts() const
	{
		return rdonly_cast && cast_type;
	}
};
// `vmlinux` may be null, as KernelBtf::read() gives it, and lives as long as what is returned. `functions`:
// sections of programs on functions of kKvm that are wanted in addition to those on exits, entries and a
// vCPU's end.
DirectSupport direct_support(const KernelBtf *vmlinux, const std::vector<std::string> &functions = {});

// The same of programs on raw tracepoints that are told the reason and the vCPU: before Linux 5.16, with
// vmlinux's BTF alone. Asks the kernel where no BTF has the arguments.
DirectSupport raw_support(const KernelBtf *vmlinux);

// Whether the first argument of kvm_entry is the vCPU, and vmlinux's BTF has the place of its vcpu_id.
bool entry_tells_vcpu(const KernelBtf *vmlinux);

// Loads where `support` and the kernel allow it; else returns false, and the log says why. Throws
// std::runtime_error instead where this way was asked for; its message ends with `mend`. `way` is what
// programs attach, as in "cannot attach directly".
bool load_supported(const char *way, const DirectSupport &support, bool is_forced, const char *mend,
		    std::string &log, const std::function<void()> &load);

// The module that has KVM's tracepoints.
inline constexpr char kKvm[] = "kvm";

// A descriptor of a module's BTF in the kernel, the caller's to close; 0, as the kernel has it, where the
// module is built in; -1 and errno if there is none or it can't be opened.
int open_btf(const char *module);

// Lets this process open enough files, and so many more: root may raise even the hard limit.
// Where it can't be, what finds none says so.
void allow_descriptors(size_t more);

} // namespace vmexit

#endif
