/* SPDX-License-Identifier: MIT */
// Merges the CPUs' rings of events by time, and writes the events as kvmtrace's records.
#ifndef TRACE_ENCODER_H
#define TRACE_ENCODER_H

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../../bpf/contract/trace.h"

namespace vmexit
{

// One CPU's ring, in the order of time. `head`, `tail` and what was lost count events since the beginning;
// `mask` is the ring's size less one.
struct Ring {
	const trace_event *events = nullptr;
	uint64_t mask = 0, head = 0, tail = 0;
	// Events that found no room, as far as is known, and when the last of them was known.
	uint64_t lost = 0, lost_ns = 0;
	// How many of them records tell, and whether a record says that there are more.
	uint64_t told = 0;
	bool gap = false;
};

class TraceEncoder
{
public:
	// `isa`: ISA_* of exits whose payloads don't tell it.
	explicit TraceEncoder(uint32_t isa) : isa_(isa)
	{
	}

	// The most words that one event makes: two records of an exit, each of 5 words of header and at most
	// 7 of data, and two of gaps before and after it, with 3 and 1.
	static constexpr size_t kMostWords = 38;

	// Writes the records of the events up to a time as far as there is room; moves the tails. A gap after
	// which no event has come ends if it was known at `certain_ns`. Returns how many words it wrote.
	size_t encode(std::vector<Ring> &rings, uint64_t until_ns, uint64_t certain_ns, uint32_t *to,
		      size_t room);

	// Events written.
	uint64_t events() const
	{
		return events_;
	}

	// The processes of threads whose first event was written since the last call, in that order; one of
	// several threads comes several times.
	std::vector<uint32_t> take_processes()
	{
		return std::exchange(processes_, {});
	}

private:
	uint32_t *event(uint32_t *out, const trace_event &from);
	uint32_t *begin_gap(uint32_t *out, Ring &ring, size_t cpu) const;
	uint32_t *end_gap(uint32_t *out, Ring &ring, size_t cpu, uint64_t lost) const;
	uint32_t &vcpu_of(uint32_t tid, uint32_t tgid);

	const uint32_t isa_;
	uint64_t events_ = 0;
	// Of the last record.
	uint64_t time_ns_ = 0;
	// Of each thread that has shown an exit or an entry.
	std::unordered_map<uint32_t, uint32_t> vcpus_;
	std::vector<uint32_t> processes_;
	// The last one looked up: a CPU runs a thread for many events.
	uint32_t tid_ = 0, *vcpu_ = nullptr;
};

} // namespace vmexit

#endif
