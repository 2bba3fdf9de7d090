// What the running kernel offers the programs: asked of its BTF and of tracefs, never of its version.
#include "kernel.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <cstring>
#include <fstream>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "../bpf/vmexit.h"

namespace vmexit
{
namespace
{

constexpr const char *kTracepoints[] = {"kvm_exit", "kvm_entry"};

constexpr Vendor kVendors[] = {
    {"kvm_amd", "svm", "vcpu_svm", VMEXIT_ISA_SVM},
    {"kvm_intel", "vmx", "vcpu_vmx", VMEXIT_ISA_VMX},
};

// What decides where both modules are built into the kernel.
uint32_t isa_of_cpu()
{
#ifdef __x86_64__
	constexpr unsigned kVmx = 1u << 5; // CPUID.1:ECX, Intel's manual, volume 3, 24.6
	unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
	__get_cpuid(1, &eax, &ebx, &ecx, &edx);
	return ecx & kVmx ? VMEXIT_ISA_VMX : VMEXIT_ISA_SVM;
#else
	return VMEXIT_ISA_ARM64;
#endif
}

bool exists(const std::string &path)
{
	struct stat status;
	return stat(path.c_str(), &status) == 0;
}

// The folder of tracepoint SYSTEM/EVENT, in tracefs at its own mount point, or where debugfs shows it.
std::string event_folder(const std::string &tracepoint)
{
	for (const char *root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
		std::string folder = std::string(root) + "/events/" + tracepoint;
		if (exists(folder))
			return folder;
	}
	return "";
}

// The BTF of a module, or vmlinux's where the module is built in; `base` is vmlinux's.
struct ModuleTypes {
	const btf *types;
	const btf *base;
};

// The number of a type that is the module's own; -1 if it has none. btf__find_by_name_kind() looks through
// all of vmlinux's first, some 3 million instructions.
int find_own(const ModuleTypes &module, const char *name, uint32_t kind)
{
	uint32_t first = module.types == module.base ? 1 : btf__type_cnt(module.base);
	for (uint32_t id = first; id < btf__type_cnt(module.types); id++) {
		const btf_type *type = btf__type_by_id(module.types, id);
		if (btf_kind(type) == kind &&
		    !strcmp(btf__name_by_offset(module.types, type->name_off), name))
			return id;
	}
	return -1;
}

// The same of a struct, which is among vmlinux's where something built in uses it too.
int find_struct(const ModuleTypes &module, const char *name)
{
	int own = find_own(module, name, BTF_KIND_STRUCT);
	return own > 0 ? own : btf__find_by_name_kind(module.base, name, BTF_KIND_STRUCT);
}

bool has_member(const ModuleTypes &module, const char *structure, const char *member)
{
	int id = find_struct(module, structure);
	if (id < 0)
		return false;
	const btf *types = module.types;
	const btf_type *type = btf__type_by_id(types, id);
	const btf_member *members = btf_members(type);
	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(types, members[i].name_off), member))
			return true;
	return false;
}

int find_tracepoint(const ModuleTypes &kvm, const std::string &event)
{
	return find_own(kvm, ("btf_trace_" + event).c_str(), BTF_KIND_TYPEDEF);
}

// Whether the raw tracepoint's first argument is the vCPU: since 5.16 (commit 0a62a0319abb), before it was
// the reason.
bool vcpu_comes_first(const ModuleTypes &kvm)
{
	int id = find_tracepoint(kvm, "kvm_exit");
	if (id < 0)
		return false;
	const btf *types = kvm.types;
	const btf_type *type = btf__type_by_id(types, btf__type_by_id(types, id)->type);
	if (!btf_is_ptr(type))
		return false;
	type = btf__type_by_id(types, type->type);
	// Parameter 0 is the tracepoint's private data.
	return btf_is_func_proto(type) && btf_vlen(type) > 1 &&
	       btf_is_ptr(btf__type_by_id(types, btf_params(type)[1].type));
}

// What tracefs says of a field behind `what`; 0 if there is no such field.
unsigned field_number(const std::string &event, const std::string &field, const std::string &what)
{
	std::ifstream format(event_folder("kvm/" + event) + "/format");
	for (std::string line; std::getline(format, line);) {
		// "	field:unsigned int vcpu_id;	offset:76;	size:4;	signed:0;"
		size_t name = line.find(" " + field + ";"), at = line.find(what);
		if (name != std::string::npos && at != std::string::npos && name < at)
			return std::stoul(line.substr(at + what.size()));
	}
	return 0;
}

// Whether svm_data isn't the struct that the programs name, which libbpf would refuse: before 6.1.
bool points_to_cpu_data(const ModuleTypes &module)
{
	int id = find_own(module, "svm_data", BTF_KIND_VAR);
	return id > 0 && btf_is_ptr(btf__type_by_id(module.types, btf__type_by_id(module.types, id)->type));
}

// BTF of a module, or vmlinux's where the module is built in.
btf *module_btf(const char *module, btf *base)
{
	return exists(std::string("/sys/kernel/btf/") + module) ? btf__load_module_btf(module, base) : base;
}

std::optional<std::string> obstacle(const Vendor &vendor, const ModuleTypes &kvm, const ModuleTypes &vendors)
{
	if (!kvm.types || !vendors.types)
		return "the BTF of KVM's modules can't be read";
	if (!vcpu_comes_first(kvm))
		return "kvm_exit has no vCPU as its first argument, or the modules have no BTF";
	if (!has_member(kvm, "kvm_vcpu_stat", "guest_mode"))
		return "kvm_vcpu_stat has no guest_mode";
	if (find_struct(vendors, vendor.vcpu_struct) < 0)
		return std::string("the BTF of ") + vendor.module + " has no " + vendor.vcpu_struct;
	if (points_to_cpu_data(vendors))
		return "kvm_amd's svm_data is a pointer";
	return std::nullopt;
}

} // namespace

const Vendor *loaded_vendor()
{
	const Vendor *found = nullptr;
	for (const Vendor &vendor : kVendors)
		if (exists(std::string("/sys/module/") + vendor.module) &&
		    (!found || vendor.isa == isa_of_cpu()))
			found = &vendor;
	return found;
}

DirectSupport direct_support()
{
#ifdef __aarch64__
	return {"arm64's kvm_exit doesn't tell the vCPU", false, {}};
#endif
	const Vendor *vendor = loaded_vendor();
	if (!vendor)
		return {"neither kvm_amd nor kvm_intel is loaded", false, {}};
	Btf base(btf__load_vmlinux_btf());
	if (!base)
		return {"the kernel has no BTF (/sys/kernel/btf/vmlinux)", false, {}};
	btf *kvm_types = module_btf(kKvm, base.get());
	Btf kvm_owner(kvm_types == base.get() ? nullptr : kvm_types);
	btf *vendors_types = module_btf(vendor->module, base.get());
	Btf vendors_owner(vendors_types == base.get() ? nullptr : vendors_types);
	ModuleTypes kvm = {kvm_types, base.get()};
	DirectSupport support = {obstacle(*vendor, kvm, {vendors_types, base.get()}), false, {}};
	if (support.obstacle)
		return support;
	support.casts = btf__find_by_name_kind(base.get(), "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	for (const char *event : kTracepoints)
		if (int id = find_tracepoint(kvm, event); id > 0)
			support.tracepoints[event] = id;
	return support;
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

unsigned field_offset(const std::string &event, const std::string &field)
{
	return field_number(event, field, "offset:");
}

unsigned field_bytes(const std::string &event, const std::string &field)
{
	return field_number(event, field, "size:");
}

bool has_event(const std::string &event)
{
	return !event_folder("kvm/" + event).empty();
}

int event_id(const std::string &tracepoint)
{
	std::ifstream file(event_folder(tracepoint) + "/id");
	int id;
	return file >> id ? id : -1;
}

} // namespace vmexit
