// SPDX-License-Identifier: MIT
// Programs on a tracepoint's payload need a perf event, which takes part in each event on its CPU (some 200
// instructions) while it is enabled; the programs run without that.
#include "attach.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <cerrno>
#include <string>

#include "../../bpf/contract/isa.h"
#include "this_host.h"
#include "tracefs.h"

namespace vmexit
{
namespace
{

const std::string kPayloadSection = "tp/", kKvmSection = "tp/kvm/", kRawSection = "raw_tp/",
		  kProbeSection = "kprobe/";

// riscv64: what ftrace has at a function's beginning, auipc and jalr. Linux 6.12 takes no kprobe on them
// (check_ftrace_location(), kernel/kprobes.c). After them the arguments are where they were.
constexpr size_t kFtraceCall = 8;

bpf_link *attach_probe(const bpf_program *program, const std::string &function)
{
	LIBBPF_OPTS(bpf_kprobe_opts, options);
	bpf_link *link = bpf_program__attach_kprobe_opts(program, function.c_str(), &options);
	if (link || errno != EINVAL || this_host().isa_number != ISA_RISCV64)
		return link;
	options.offset = kFtraceCall;
	return bpf_program__attach_kprobe_opts(program, function.c_str(), &options);
}

} // namespace

bpf_link *attach(const bpf_program *program)
{
	std::string section = bpf_program__section_name(program);
	if (section.compare(0, kRawSection.size(), kRawSection) == 0) {
		std::string tracepoint = tracepoint_of(section.substr(kRawSection.size()));
		return bpf_program__attach_raw_tracepoint(
		    program, tracepoint.substr(tracepoint.find('/') + 1).c_str());
	}
	if (section.compare(0, kProbeSection.size(), kProbeSection) == 0)
		return attach_probe(program, section.substr(kProbeSection.size()));
	if (section.compare(0, kPayloadSection.size(), kPayloadSection) != 0)
		return bpf_program__attach(program);
	int id = event_id(section.compare(0, kKvmSection.size(), kKvmSection)
			      ? section.substr(kPayloadSection.size())
			      : tracepoint_of(section.substr(kKvmSection.size())));
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

uint64_t missed_by(int program, uint64_t known)
{
	bpf_prog_info info = {};
	uint32_t length = sizeof(info);
	return bpf_obj_get_info_by_fd(program, &info, &length) ? known : info.recursion_misses;
}

} // namespace vmexit
