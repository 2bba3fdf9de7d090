// Merges the CPUs' rings of events by time, and writes the events as kvmtrace's records.
#ifndef TRACE_ENCODER_H
#define TRACE_ENCODER_H

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "../../bpf/contract/trace.h"

namespace vmexit
{

// One CPU's ring, in the order of time. `head` and `tail` count events; `mask` is the ring's size less one.
struct Ring {
	const trace_event *events;
	uint64_t mask, head, tail;
};

class TraceEncoder
{
public:
	// `arm64`: whether the exits are arm64's, whose reason is ret and esr_ec.
	explicit TraceEncoder(bool arm64) : arm64_(arm64)
	{
	}

	// The most words that one event makes: an exit makes two records, each of 5 words of header and 7 of
	// data.
	static constexpr size_t kMostWords = 24;

	// Writes the records of the events up to a time as far as there is room; moves the tails. Returns how
	// many words it wrote.
	size_t encode(std::vector<Ring> &rings, uint64_t until_ns, uint32_t *to, size_t room);

	// Events written.
	uint64_t events() const
	{
		return events_;
	}

private:
	uint32_t *event(uint32_t *out, const trace_event &from);
	uint32_t &vcpu_of(uint32_t tid);

	const bool arm64_;
	uint64_t events_ = 0;
	// Of each thread that has shown an exit or an entry.
	std::unordered_map<uint32_t, uint32_t> vcpus_;
	// The last one looked up: a CPU runs a thread for many events.
	uint32_t tid_ = 0, *vcpu_ = nullptr;
};

} // namespace vmexit

#endif
