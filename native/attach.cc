// Programs on a tracepoint's record need a perf event, which takes part in each event on its CPU (some 200
// instructions) while it is enabled; the programs run without that.
#include "attach.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "../bpf/kernel_symbols.h"

namespace vmexit
{
namespace
{

const std::string kRecordSection = "tp/";
const std::string kDirectSection = "tp_btf/";
// Stands for the descriptor of a program.
constexpr int kAnyProgram = 1;

thread_local const std::map<std::string, uint32_t> *tracepoints = nullptr;
thread_local int btf_of_kvm = -1;

// libbpf calls it when it is about to load such a program.
int set_tracepoint(bpf_program *program, bpf_prog_load_opts *options, long)
{
	std::string event = std::string(bpf_program__section_name(program)).substr(kDirectSection.size());
	if (!tracepoints || !tracepoints->count(event))
		return -ENOENT;
	options->attach_prog_fd = 0;
	options->attach_btf_id = tracepoints->at(event);
	options->attach_btf_obj_fd = btf_of_kvm;
	return 0;
}

int attach_traced(const bpf_program *program, long, bpf_link **link)
{
	*link = bpf_program__attach_trace(program);
	return *link ? 0 : -errno;
}

// Once for the process; before the object is opened, for that is when sections get their handlers.
void handle_direct_section()
{
	static int handler = [] {
		libbpf_prog_handler_opts options = {};
		options.sz = sizeof(options);
		options.prog_prepare_load_fn = set_tracepoint;
		options.prog_attach_fn = attach_traced;
		return libbpf_register_prog_handler("tp_btf+", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP,
						    &options);
	}();
	if (handler < 0)
		throw std::runtime_error("libbpf takes no handler for tp_btf");
}

} // namespace

KernelNames::KernelNames(const DirectSupport &support)
    : support_(support), kvm_(open_btf(kKvm)), module_(open_btf(support.module))
{
	if (kvm_ < 0 || module_ < 0) {
		int error = errno;
		close_btf();
		throw std::runtime_error(std::string("cannot open the BTF of KVM's modules: ") +
					 strerror(error));
	}
	handle_direct_section();
	tracepoints = &support.tracepoints;
	btf_of_kvm = kvm_;
}

KernelNames::~KernelNames()
{
	tracepoints = nullptr;
	btf_of_kvm = -1;
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
	// That it attaches to a program keeps libbpf from reading vmlinux's BTF for it; set_tracepoint() says
	// otherwise in time.
	if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING)
		bpf_program__set_attach_target(program, kAnyProgram, nullptr);
	const bpf_insn *first = bpf_program__insns(program);
	std::vector<bpf_insn> instructions(first, first + bpf_program__insn_cnt(program));
	for (size_t i = 0; i < instructions.size(); i++) {
		bpf_insn &instruction = instructions[i];
		switch (instruction.imm) {
		case KERNEL_RDONLY_CAST:
			instruction.src_reg = BPF_PSEUDO_KFUNC_CALL;
			instruction.imm = support_.rdonly_cast;
			break;
		case KERNEL_CAST_TYPE:
			instruction.imm = support_.cast_type;
			break;
		case KERNEL_SVM_DATA: // of 64 bits, so the next one is its second half
			instruction.imm = support_.svm_data;
			if (!support_.svm_data)
				break;
			instruction.src_reg = BPF_PSEUDO_BTF_ID;
			instructions[i + 1].imm = module_;
			break;
		}
	}
	bpf_program__set_insns(program, instructions.data(), instructions.size());
}

bpf_link *attach(const bpf_program *program)
{
	std::string section = bpf_program__section_name(program);
	if (section.compare(0, kRecordSection.size(), kRecordSection) != 0)
		return bpf_program__attach(program);
	int id = event_id(section.substr(kRecordSection.size()));
	if (id < 0) {
		errno = ENOENT;
		return nullptr;
	}
	perf_event_attr attributes = {};
	attributes.type = PERF_TYPE_TRACEPOINT;
	attributes.size = sizeof(attributes);
	attributes.config = id;
	attributes.disabled = 1;
	// On CPU 0 for form's sake: the program runs on all.
	int event = syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return nullptr;
	bpf_link *link = bpf_program__attach_perf_event(program, event);
	if (!link) {
		int error = errno;
		close(event);
		errno = error;
		return nullptr;
	}
	// The link owns the event, and has enabled it.
	ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
	return link;
}

} // namespace vmexit
