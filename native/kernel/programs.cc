// SPDX-License-Identifier: MIT
// Programs of a BPF object that are loaded and attached together, and its maps.
#include "programs.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <bpf/bpf.h>

#include "attach.h"
#include "core_btf.h"
#include "error.h"
#include "log.h"

namespace vmexit
{

Programs::Programs(Object object, const std::vector<std::string> &names)
    : object_(std::move(object)), verifier_logs_(names.size(), std::string(kVerifierLogBytes, '\0'))
{
	bpf_program *program;
	bpf_object__for_each_program(program, object_.get()) bpf_program__set_autoload(program, false);
	for (const std::string &name : names) {
		program = this->program(name);
		bpf_program__set_autoload(program, true);
		std::string &log = verifier_logs_[programs_.size()];
		bpf_program__set_log_buf(program, log.data(), log.size());
		programs_.push_back(program);
	}
}

Programs::~Programs()
{
	detach();
}

bpf_program *Programs::program(const std::string &name) const
{
	bpf_program *found = bpf_object__find_program_by_name(object_.get(), name.c_str());
	if (!found)
		fail("the BPF object lacks the program " + name, ENOENT);
	return found;
}

bpf_map *Programs::map(const char *name) const
{
	bpf_map *found = bpf_object__find_map_by_name(object_.get(), name);
	if (!found)
		fail(std::string("the BPF object lacks the map ") + name, ENOENT);
	return found;
}

void Programs::set_constant(const char *name, const void *value, size_t size) const
{
	if (int error = bpf_map__set_initial_value(map(name), value, size))
		fail("the BPF object doesn't fit this program", error);
}

void Programs::load(uint64_t bytes)
{
	if (int error = bpf_object__load(object_.get()))
		fail_load(error, bytes);
}

void Programs::fail_load(int error, uint64_t bytes) const
{
	// Not the verifier's refusal, though it may have had its say before the program found no file
	// descriptor.
	if (error == -EMFILE || error == -ESRCH)
		throw load_error(error);
	for (size_t i = 0; i < programs_.size(); i++) {
		std::string text = verifier_logs_[i].c_str();
		// Of a program that loaded, the buffer stays empty at log level 0.
		if (!text.empty() && bpf_program__fd(programs_[i]) < 0)
			throw std::runtime_error(
			    std::string("the kernel's verifier refuses the BPF program ") +
			    bpf_program__name(programs_[i]) + ":\n" + verifier_excerpt(text));
	}
	if (error == -ENOMEM)
		throw std::runtime_error("the kernel has no memory for the counters, " +
					 std::to_string(bytes >> 20) + " MiB; lower --max-vcpus");
	throw load_error(error);
}

void Programs::fill_filter(const char *name, const std::vector<uint32_t> &keys) const
{
	uint8_t listed = 1;
	for (uint32_t key : keys)
		if (int error =
			bpf_map__update_elem(map(name), &key, sizeof(key), &listed, sizeof(listed), BPF_ANY))
			fail(std::string("cannot fill the filter ") + name, error);
}

void Programs::attach(const char *except)
{
	for (bpf_program *program : programs_) {
		if (except && !strcmp(bpf_program__name(program), except))
			continue;
		bpf_link *link = vmexit::attach(program);
		if (!link)
			fail(std::string("cannot attach the BPF program ") + bpf_program__name(program),
			     errno);
		links_.insert(links_.begin(), link);
	}
}

void Programs::detach()
{
	for (bpf_link *link : links_)
		bpf_link__destroy(link);
	links_.clear();
}

uint64_t Programs::missed() const
{
	uint64_t missed = 0;
	for (const bpf_program *program : programs_)
		missed += missed_by(bpf_program__fd(program));
	return missed;
}

std::vector<ProgramInfo> Programs::info() const
{
	std::vector<ProgramInfo> list;
	for (const bpf_program *program : programs_) {
		bpf_prog_info info = {};
		uint32_t length = sizeof(info);
		if (int error = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length))
			fail(std::string("cannot ask about the BPF program ") + bpf_program__name(program),
			     error);
		list.push_back({bpf_program__name(program), bpf_program__section_name(program),
				info.verified_insns, info.jited_prog_len});
	}
	return list;
}

} // namespace vmexit
