/* SPDX-License-Identifier: MIT */
// The recorder: loads the programs that write events into the CPUs' rings, and hands the events over as
// kvmtrace's records.
#ifndef RECORDER_H
#define RECORDER_H

#include <memory>
#include <string>
#include <vector>

#include "../../bpf/contract/trace.h"
#include "../kernel/descriptor.h"
#include "../kernel/handles.h"
#include "../kernel/mapped.h"
#include "encoder.h"

namespace vmexit
{

struct RecorderOptions {
	std::string object; // path of the BPF object
	bool filter_pids = false;
	// Processes; and kinds by enum trace_kind, of which those count that this kernel has.
	std::vector<uint32_t> pids, kinds;
	uint32_t ring_shift = 0;
};

class Recorder
{
public:
	// Loads and attaches the programs. Throws std::runtime_error with a message for the user.
	explicit Recorder(const RecorderOptions &options);
	~Recorder();

	// Writes records of the events that no earlier one can follow, or of all that wait, as far as there
	// is room. Returns how many words it wrote.
	size_t read(uint32_t *to, size_t room, bool all);

	// See TraceEncoder.
	std::vector<uint32_t> take_processes()
	{
		return encoder_.take_processes();
	}

	// Events that read() has written.
	uint64_t events() const
	{
		return encoder_.events();
	}

	// Events that found no room, or for which the kernel didn't run a program, since all programs were
	// attached.
	uint64_t lost() const;

	// Those among them for which the kernel didn't run a program, as far as it counts them.
	uint64_t missed() const;

	// Detaches the programs; what they wrote can still be read.
	void stop();

private:
	bpf_map *map(const char *name) const;
	void load(const RecorderOptions &options);
	Descriptor make_ring(size_t cpu) const;
	void add_rings();
	void add_ring(size_t cpu);
	void attach();
	void begin();

	Object object_;
	uint32_t ring_shift_;
	std::unique_ptr<Mapped<trace_cursor>> cursors_;
	// By possible CPU; those without a ring have no events.
	std::vector<Ring> rings_;
	std::vector<std::unique_ptr<Mapped<const trace_event>>> events_;
	uint64_t looked_ns_ = 0;
	// What was lost before all programs were attached, and what of it was missed.
	uint64_t lost_before_ = 0, missed_before_ = 0;
	TraceEncoder encoder_;
	std::vector<bpf_program *> programs_;
	std::vector<bpf_link *> links_;
};

} // namespace vmexit

#endif
