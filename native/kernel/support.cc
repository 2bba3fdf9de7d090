// SPDX-License-Identifier: MIT
// What the running kernel offers the programs: asked of its BTF, never of its version.
#include "support.h"

#include <stdexcept>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "descriptor.h"
#include "this_host.h"
#include "tracefs.h"

#include "../../bpf/contract/isa.h"

namespace vmexit
{
namespace
{

// Node's own, libbpf's, and what a tool reads.
constexpr size_t kOtherDescriptors = 1024;

constexpr const char *kTracepoints[] = {"kvm_exit", "kvm_entry", "kvm_userspace_exit"};
// Of vmlinux: called at a VM's end, before its vCPUs are freed.
constexpr char kVmEnd[] = "mmu_notifier_unregister";
// Where a vCPU ends, and where an address is handled that faulted.
constexpr const char *kFunctions[] = {"kvm_arch_vcpu_destroy", "kvm_mmu_page_fault"};

constexpr Vendor kVendors[] = {
    {"kvm_amd", "svm", "vcpu_svm", ISA_SVM},
    {"kvm_intel", "vmx", "vcpu_vmx", ISA_VMX},
};

bool exists(const std::string &path)
{
	struct stat status;
	return stat(path.c_str(), &status) == 0;
}

uint32_t find_struct(const KernelBtf &types, const char *name)
{
	return types.find(name, BTF_KIND_STRUCT);
}

bool has_member(const KernelBtf &types, const char *structure, const char *member)
{
	const btf_type *type = types.type(find_struct(types, structure));
	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(types.name(btf_members(type)[i].name_off), member))
			return true;
	return false;
}

uint32_t find_tracepoint(const KernelBtf &kvm, const std::string &event)
{
	return kvm.find(("btf_trace_" + event).c_str(), BTF_KIND_TYPEDEF);
}

// Of a raw tracepoint, in order, whether each argument is a pointer; empty where the BTF doesn't have it.
std::vector<bool> arguments_of(const KernelBtf &kvm, const char *event)
{
	const btf_type *type = kvm.type(kvm.type(find_tracepoint(kvm, event))->type);
	std::vector<bool> arguments;
	if (!btf_is_ptr(type))
		return arguments;
	type = kvm.type(type->type);
	// Parameter 0 is the tracepoint's private data.
	for (int i = 1; btf_is_func_proto(type) && i < btf_vlen(type); i++)
		arguments.push_back(btf_is_ptr(kvm.type(btf_params(type)[i].type)));
	return arguments;
}

// Whether the raw tracepoint's first argument is the vCPU: since 5.16 (commit 0a62a0319abb), before it was
// the reason.
bool vcpu_comes_first(const KernelBtf &kvm)
{
	std::vector<bool> arguments = arguments_of(kvm, "kvm_exit");
	return !arguments.empty() && arguments[0];
}

// Whether a raw tracepoint has so many arguments: the kernel attaches no program that reads more of them
// (__bpf_probe_register(), kernel/trace/bpf_trace.c).
bool has_arguments(const char *event, int count)
{
	const bpf_insn instructions[] = {
	    {BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_1,
	     static_cast<int16_t>((count - 1) * sizeof(uint64_t)), 0},
	    {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
	    {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
	};
	Descriptor program(bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "arguments", "Dual MIT/GPL",
					 instructions, std::size(instructions), nullptr));
	if (program.get() < 0)
		return false;
	return Descriptor(bpf_raw_tracepoint_open(event, program.get())).get() >= 0;
}

// Whether svm_data isn't the struct that the programs name: before 6.1.
bool points_to_cpu_data(const KernelBtf &structs, uint32_t svm_data)
{
	return svm_data && btf_is_ptr(structs.type(structs.type(svm_data)->type));
}

std::optional<std::string> obstacle(const Vendor &vendor, const KernelBtf *kvm, const KernelBtf *structs,
				    uint32_t svm_data)
{
	if (!kvm || !structs)
		return "the BTF of KVM's modules can't be read";
	if (!vcpu_comes_first(*kvm))
		return "kvm_exit has no vCPU as its first argument, or the modules have no BTF";
	if (!has_member(*structs, "kvm_vcpu_stat", "guest_mode"))
		return "kvm_vcpu_stat has no guest_mode";
	if (!find_struct(*structs, vendor.vcpu_struct))
		return std::string("the BTF of ") + vendor.module + " has no " + vendor.vcpu_struct;
	if (points_to_cpu_data(*structs, svm_data))
		return "kvm_amd's svm_data is a pointer";
	return std::nullopt;
}

// The types of a module: vmlinux's where it is built in, or has no BTF; null where its own can't be read.
const KernelBtf *types_of(const char *module, const KernelBtf *vmlinux, std::unique_ptr<KernelBtf> &own)
{
	if (!exists(std::string("/sys/kernel/btf/") + module))
		return vmlinux;
	own = KernelBtf::read(module, vmlinux);
	return own.get();
}

// kvm_exit has had these three arguments, in this order, as long as it had three.
bool is_told_reason_and_vcpu(const KernelBtf &kvm)
{
	std::vector<bool> arguments = arguments_of(kvm, "kvm_exit");
	if (arguments.empty())
		return has_arguments("kvm_exit", 3);
	return arguments == std::vector<bool>{false, true, false};
}

std::optional<std::string> raw_obstacle(const KernelBtf *vmlinux, const KernelBtf &kvm)
{
	if (!is_told_reason_and_vcpu(kvm))
		return "kvm_exit isn't given the reason and the vCPU";
	if (!entry_tells_vcpu(vmlinux))
		return "kvm_entry doesn't tell the vCPU";
	if (!has_member(kvm, "kvm_vcpu_stat", "guest_mode") && !has_member(kvm, "kvm_vcpu_arch", "hflags"))
		return "the kernel's BTF doesn't tell a vCPU's level";
	if (!has_member(kvm, "kvm", "vcpus") || !has_member(kvm, "kvm", "mmu_notifier"))
		return "the kernel's BTF doesn't tell the vCPUs of a VM";
	if (!vmlinux->find(kVmEnd, BTF_KIND_FUNC))
		return std::string("the kernel has no ") + kVmEnd;
	return std::nullopt;
}

} // namespace

const Vendor *loaded_vendor()
{
	for (const Vendor &vendor : kVendors)
		if (this_host().module == vendor.module)
			return &vendor;
	return nullptr;
}

bool has_one_isa()
{
	uint32_t isa = this_host().isa_number;
	return isa && isa != ISA_VMX && isa != ISA_SVM;
}

DirectSupport direct_support(const KernelBtf *vmlinux, const std::vector<std::string> &functions)
{
	DirectSupport support;
	const Vendor *vendor = loaded_vendor();
	if (!vmlinux) {
		support.obstacle = "the kernel's BTF can't be read";
		return support;
	}
	std::unique_ptr<KernelBtf> own_of_kvm;
	if (has_one_isa()) {
		support.obstacle = "the programs for " + this_host().isa + " read payloads";
		support.module = kKvm;
		support.structs = types_of(kKvm, vmlinux, support.own_structs);
		if (support.structs)
			support.running_vcpu = support.structs->find("kvm_running_vcpu", BTF_KIND_VAR);
		return support;
	}
	if (!vendor) {
		support.obstacle = "neither kvm_amd nor kvm_intel drives KVM";
		return support;
	}
	const KernelBtf *kvm = types_of(kKvm, vmlinux, own_of_kvm);
	support.module = vendor->module;
	support.structs = types_of(vendor->module, vmlinux, support.own_structs);
	if (support.structs && vendor->isa == ISA_SVM)
		support.svm_data = support.structs->find("svm_data", BTF_KIND_VAR);
	support.obstacle = obstacle(*vendor, kvm, support.structs, support.svm_data);
	if (support.obstacle)
		return support;
	support.rdonly_cast = vmlinux->find("bpf_rdonly_cast", BTF_KIND_FUNC);
	if (support.rdonly_cast)
		support.cast_type = vmlinux->find("pt_regs", BTF_KIND_STRUCT);
	for (const char *event : kTracepoints)
		support.targets[std::string("tp_btf/") + event] = find_tracepoint(*kvm, event);
	for (const char *function : kFunctions)
		support.targets[std::string("fentry/") + function] = kvm->find(function, BTF_KIND_FUNC);
	for (const std::string &section : functions) {
		std::string function = section.substr(section.find('/') + 1);
		support.targets[section] = kvm->find(function.c_str(), BTF_KIND_FUNC);
		if (!support.targets[section])
			support.obstacle = "KVM has no " + function;
	}
	return support;
}

bool entry_tells_vcpu(const KernelBtf *vmlinux)
{
#ifndef __x86_64__
	return false;
#endif
	if (!vmlinux || !has_member(*vmlinux, "kvm_vcpu", "vcpu_id"))
		return false;
	std::unique_ptr<KernelBtf> own;
	const KernelBtf *kvm = types_of(kKvm, vmlinux, own);
	std::vector<bool> arguments = arguments_of(kvm ? *kvm : *vmlinux, "kvm_entry");
	if (!arguments.empty())
		return arguments[0];
	// Its payload has the RIP since it is given the vCPU: 5.10 ("KVM: x86: Add RIP to the kvm_entry, i.e.
	// VM-Enter, tracepoint").
	return Formats().find("kvm_entry", "rip");
}

DirectSupport raw_support(const KernelBtf *vmlinux)
{
	DirectSupport support;
	if (!loaded_vendor() || !vmlinux) {
		support.obstacle =
		    vmlinux ? "neither kvm_amd nor kvm_intel drives KVM" : "the kernel's BTF can't be read";
		return support;
	}
	const KernelBtf *kvm = types_of(kKvm, vmlinux, support.own_structs);
	support.structs = kvm ? kvm : vmlinux;
	support.obstacle = raw_obstacle(vmlinux, *support.structs);
	support.targets_of_vmlinux[std::string("fentry/") + kVmEnd] = vmlinux->find(kVmEnd, BTF_KIND_FUNC);
	return support;
}

bool load_supported(const char *way, const DirectSupport &support, bool is_forced, const char *mend,
		    std::string &log, const std::function<void()> &load)
{
	if (support.obstacle && is_forced)
		throw std::runtime_error(std::string("cannot attach ") + way + ": " + *support.obstacle +
					 "; " + mend);
	std::string obstacle;
	if (support.obstacle)
		obstacle = *support.obstacle;
	else
		try {
			load();
			return true;
		} catch (const std::runtime_error &error) {
			if (is_forced)
				throw;
			obstacle = error.what();
		}
	log += std::string("not attaching ") + way + ": " + obstacle + "\n";
	return false;
}

int open_btf(const char *module)
{
	if (!exists(std::string("/sys/kernel/btf/") + module))
		return 0;
	uint32_t id = 0;
	while (!bpf_btf_get_next_id(id, &id)) {
		int fd = bpf_btf_get_fd_by_id(id);
		if (fd < 0) {
			if (errno == ENOENT)
				continue; // unloaded meanwhile
			return -1;
		}
		char name[64] = "";
		bpf_btf_info info = {};
		info.name = reinterpret_cast<uintptr_t>(name);
		info.name_len = sizeof(name);
		uint32_t length = sizeof(info);
		if (!bpf_obj_get_info_by_fd(fd, &info, &length) && info.kernel_btf && !strcmp(name, module))
			return fd;
		close(fd);
	}
	return -1;
}

void allow_descriptors(size_t more)
{
	rlimit limit;
	size_t count = kOtherDescriptors + more;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= count)
		return;
	rlim_t hard = limit.rlim_max;
	limit.rlim_cur = count;
	limit.rlim_max = std::max<rlim_t>(hard, count);
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max = hard;
	setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace vmexit
