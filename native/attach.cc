// Programs on a tracepoint's record need a perf event, which takes part in each event on its CPU (some 200
// instructions) while it is enabled; the programs run without that.
#include "attach.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <cerrno>
#include <stdexcept>
#include <string>

#include "kernel.h"

namespace vmexit
{
namespace
{

const std::string kRecordSection = "tp/";
const std::string kDirectSection = "tp_btf/";

thread_local const std::map<std::string, uint32_t> *known_types = nullptr;
thread_local int btf_of_kvm = -1;

// libbpf calls it when it is about to load such a program.
int set_tracepoint(bpf_program *program, bpf_prog_load_opts *options, long)
{
	std::string event = std::string(bpf_program__section_name(program)).substr(kDirectSection.size());
	if (!known_types || !known_types->count(event) || btf_of_kvm < 0)
		return -ENOENT;
	options->attach_btf_id = known_types->at(event);
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

KnownTracepoints::KnownTracepoints(const std::map<std::string, uint32_t> &types)
{
	handle_direct_section();
	known_types = &types;
	btf_of_kvm = types.empty() ? -1 : open_btf(kKvm);
}

KnownTracepoints::~KnownTracepoints()
{
	if (btf_of_kvm > 0)
		close(btf_of_kvm);
	btf_of_kvm = -1;
	known_types = nullptr;
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
