// SPDX-License-Identifier: MIT
// What programs name of the kernel beyond its structs: what they attach to, a function, a variable.
#include "names.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include <bpf/bpf.h>

#include "../../bpf/contract/symbols.h"

namespace vmexit
{
namespace
{

// In place of a program's descriptor.
constexpr int kAnyProgram = 1;
thread_local const KernelNames *current = nullptr;

int attach_traced(const bpf_program *program, long, bpf_link **link)
{
	*link = bpf_program__attach_trace(program);
	return *link ? 0 : -errno;
}

// libbpf calls it when it is about to load a program of those sections.
int set_target(bpf_program *program, bpf_prog_load_opts *options, long)
{
	return current ? current->attach_to_target(program, *options) : -ENOENT;
}

// Once for the process; before an object is opened, for that is when sections get their handlers.
void handle_sections()
{
	static bool handled = [] {
		libbpf_prog_handler_opts options = {};
		options.sz = sizeof(options);
		options.prog_prepare_load_fn = set_target;
		options.prog_attach_fn = attach_traced;
		auto handle = [&](const char *section, bpf_attach_type type) {
			return libbpf_register_prog_handler(section, BPF_PROG_TYPE_TRACING, type, &options) >=
			       0;
		};
		return handle("tp_btf+", BPF_TRACE_RAW_TP) && handle("fentry+", BPF_TRACE_FENTRY) &&
		       handle("fexit+", BPF_TRACE_FEXIT) && handle("iter+", BPF_TRACE_ITER);
	}();
	if (!handled)
		throw std::runtime_error("libbpf takes no handlers for sections");
}

} // namespace

KernelNames::KernelNames(const DirectSupport &support)
    : support_(support), kvm_(open_btf(kKvm)), module_(support.module ? open_btf(support.module) : 0)
{
	if (kvm_ < 0 || module_ < 0) {
		int error = errno;
		close_btf();
		throw std::runtime_error(std::string("cannot open the BTF of KVM's modules: ") +
					 strerror(error));
	}
	handle_sections();
	current = this;
}

KernelNames::~KernelNames()
{
	current = nullptr;
	close_btf();
}

void KernelNames::close_btf()
{
	for (int file : {kvm_, module_})
		if (file > 0)
			close(file);
}

void KernelNames::put_into(bpf_program *program) const
{
	// That it attaches to a program keeps libbpf from reading vmlinux's BTF for it;
	// attach_to_target() says
	// otherwise in time.
	if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING)
		bpf_program__set_attach_target(program, kAnyProgram, nullptr);
	const bpf_insn *first = bpf_program__insns(program);
	std::vector<bpf_insn> instructions(first, first + bpf_program__insn_cnt(program));
	for (size_t i = 0; i < instructions.size(); i++) {
		bpf_insn &instruction = instructions[i];
		if (instruction.code == (BPF_JMP | BPF_CALL) && instruction.imm == KERNEL_RDONLY_CAST) {
			instruction.src_reg = BPF_PSEUDO_KFUNC_CALL;
			instruction.imm = support_.rdonly_cast;
		} else if (BPF_OP(instruction.code) == BPF_MOV && instruction.imm == KERNEL_CAST_TYPE) {
			instruction.imm = support_.cast_type;
		} else if (instruction.code == (BPF_LD | BPF_IMM | BPF_DW) &&
			   (instruction.imm == KERNEL_SVM_DATA || instruction.imm == KERNEL_RUNNING_VCPU)) {
			instruction.imm =
			    instruction.imm == KERNEL_SVM_DATA ? support_.svm_data : support_.running_vcpu;
			if (!instruction.imm)
				continue;
			instruction.src_reg = BPF_PSEUDO_BTF_ID;
			instructions[i + 1].imm = module_; // its second half
		}
	}
	bpf_program__set_insns(program, instructions.data(), instructions.size());
}

int KernelNames::attach_to_target(const bpf_program *program, bpf_prog_load_opts &options) const
{
	std::string section = bpf_program__section_name(program);
	auto in_kvm = support_.targets.find(section), in_vmlinux = support_.targets_of_vmlinux.find(section);
	options.attach_prog_fd = 0;
	if (in_kvm != support_.targets.end()) {
		options.attach_btf_id = in_kvm->second;
		options.attach_btf_obj_fd = kvm_;
		return 0;
	}
	if (in_vmlinux == support_.targets_of_vmlinux.end())
		return -ENOENT;
	options.attach_btf_id = in_vmlinux->second;
	options.attach_btf_obj_fd = 0;
	return 0;
}

} // namespace vmexit
