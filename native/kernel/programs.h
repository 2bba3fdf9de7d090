/* SPDX-License-Identifier: MIT */
// Programs of a BPF object that are loaded and attached together, and its maps.
#ifndef KERNEL_PROGRAMS_H
#define KERNEL_PROGRAMS_H

#include <cstdint>
#include <string>
#include <vector>

#include <bpf/libbpf.h>

#include "handles.h"

namespace vmexit
{

// What a program is to the kernel.
struct ProgramInfo {
	std::string name, section;
	uint32_t verified_insns; // walked by the verifier; 0 before 5.16, which doesn't tell
	uint32_t jited_bytes;    // of machine code; 0 without the JIT
};

class Programs
{
public:
	// Chooses, of an object that isn't loaded, these programs, in the order in which they will attach.
	// Throws std::runtime_error, as all of this does, with a message for the user.
	Programs(Object object, const std::vector<std::string> &names);
	~Programs();
	Programs(const Programs &) = delete;
	Programs &operator=(const Programs &) = delete;

	const std::vector<bpf_program *> &chosen() const
	{
		return programs_;
	}
	// One of the object's, chosen or not.
	bpf_program *program(const std::string &name) const;
	bpf_map *map(const char *name) const;
	// Before loading.
	void set_constant(const char *name, const void *value, size_t size) const;
	// `bytes`: what its maps take, which is said where there is no memory for them.
	void load(uint64_t bytes);
	// After loading: has a map of 32-bit keys hold these.
	void fill_filter(const char *name, const std::vector<uint32_t> &keys) const;
	// Attaches all, or all that `name` isn't.
	void attach(const char *except = nullptr);
	// The one that attached last first, so that what is open can still close.
	void detach();
	uint64_t missed() const; // events for which the kernel didn't run a program
	std::vector<ProgramInfo> info() const;

private:
	[[noreturn]] void fail_load(int error, uint64_t bytes) const;

	Object object_;
	std::vector<bpf_program *> programs_;
	std::vector<std::string> verifier_logs_; // one for each of programs_
	std::vector<bpf_link *> links_;
};

} // namespace vmexit

#endif
