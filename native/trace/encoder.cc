// SPDX-License-Identifier: MIT
// Merges the CPUs' rings of events by time, and writes the events as kvmtrace's records.
#include "encoder.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "../../bpf/contract/isa.h"
#include "kinds.h"

namespace vmexit
{
namespace
{

constexpr uint32_t kUnknownVcpu = UINT32_MAX;
constexpr uint32_t kTimed = 1u << 31;
constexpr size_t kMostThreads = 1 << 16;

// A thread's id is the last word, of at most so many: the formatter of 2008 reads no more.
constexpr size_t kMostWithThread = 5;
// Of words of exits and entries: where the vCPU is.
constexpr size_t kEntryVcpu = 0, kExitVcpu = 4;

// Writes a record's header; the data words follow.
uint32_t *put_header(uint32_t *out, uint32_t id, size_t words, uint32_t pid, uint32_t vcpu, uint64_t time_ns)
{
	*out++ = id | static_cast<uint32_t>(words) << 28 | kTimed;
	*out++ = pid;
	*out++ = vcpu;
	*out++ = static_cast<uint32_t>(time_ns);
	*out++ = static_cast<uint32_t>(time_ns >> 32);
	return out;
}

// What is written of a kind's words.
struct Shape {
	uint32_t record, other, words;
	bool with_thread;
	uint8_t from[TRACE_WORDS];
};

std::array<Shape, TRACE_KINDS_COUNT> shapes()
{
	std::array<Shape, TRACE_KINDS_COUNT> made = {};
	for (size_t kind = 0; kind < made.size(); kind++) {
		Shape &shape = made[kind];
		shape.record = kKinds[kind].record;
		shape.other = kKinds[kind].other_record;
		for (uint8_t i = 0; i < TRACE_WORDS && kKinds[kind].words[i].fields; i++)
			if (kKinds[kind].words[i].written)
				shape.from[shape.words++] = i;
		shape.with_thread = shape.words < kMostWithThread;
	}
	return made;
}

const std::array<Shape, TRACE_KINDS_COUNT> kShapes = shapes();

// Writes the records of one event.
class Records
{
public:
	Records(uint32_t *out, const trace_event &from, uint32_t vcpu) : out_(out), from_(from), vcpu_(vcpu)
	{
	}

	// A record with the thread as its last word.
	void put(uint32_t id, std::initializer_list<uint32_t> words)
	{
		out_ = put_header(out_, id, words.size() + 1, from_.tgid, vcpu_, from_.time_ns);
		for (uint32_t word : words)
			*out_++ = word;
		*out_++ = from_.tid;
	}

	// The record of a kind.
	void put(const Shape &shape, const uint32_t *data)
	{
		out_ = put_header(out_, shape.other != shape.record && data[0] ? shape.other : shape.record,
				  shape.words + shape.with_thread, from_.tgid, vcpu_, from_.time_ns);
		for (uint32_t i = 0; i < shape.words; i++)
			*out_++ = data[shape.from[i]];
		if (shape.with_thread)
			*out_++ = from_.tid;
	}

	uint32_t *end() const
	{
		return out_;
	}

private:
	uint32_t *out_;
	const trace_event &from_;
	const uint32_t vcpu_;
};

// Whether payloads tell the instruction set: x86's.
bool tells_isa(uint32_t isa)
{
	return isa == 0 || isa == ISA_VMX || isa == ISA_SVM;
}

// Whether payloads tell the vCPU.
bool tells_vcpu(uint32_t isa)
{
	return isa != ISA_ARM64 && isa != ISA_RISCV64;
}

// The code of an exit, of an architecture's only instruction set, as bpf/arch/ has it. esr_ec and scause are
// where x86 has info1.
uint32_t code_of(uint32_t isa, const trace_event &exit)
{
	switch (isa) {
	case ISA_ARM64:
		return exit.data[0] << 8 | (exit.data[5] & 0xff);
	case ISA_RISCV64:
		return exit.data[5] | (exit.data[6] & 0x80000000);
	default:
		return exit.data[0];
	}
}

// The handler that an exit implies: kvmtrace recorded it, and no tracepoint has it today.
// Intel SDM 3C: exit reasons (appendix C), exit qualifications (27.2.1), interruption information (24.9.2).
void put_vmx_handler(Records &records, const trace_event &exit)
{
	const uint32_t qualification = exit.data[5], interruption = exit.data[7];
	switch (exit.data[0]) {
	case 0: // exception or NMI
		if ((interruption >> 8 & 7) == 2)
			records.put(TRACE_RECORD_NMI, {});
		return;
	case 1: // external interrupt; the vector is there if it was acknowledged on exit
		records.put(TRACE_RECORD_INTERRUPT, {interruption >> 31 ? interruption & 0xff : 0});
		return;
	case 7: // interrupt window
		records.put(TRACE_RECORD_PENDING, {0});
		return;
	case 12:
		records.put(TRACE_RECORD_HLT, {});
		return;
	case 28: // control-register access: bits 4 and 5 say 2 for CLTS, 3 for LMSW
		if ((qualification >> 4 & 3) == 2)
			records.put(TRACE_RECORD_CLTS, {});
		else if ((qualification >> 4 & 3) == 3)
			records.put(TRACE_RECORD_LMSW, {qualification >> 16});
		return;
	case 29: // debug-register access: number in bits 0 to 2, bit 4 set for a read
		records.put(qualification & 16 ? TRACE_RECORD_DR_READ : TRACE_RECORD_DR_WRITE,
			    {qualification & 7, 0});
	}
}

// AMD APM 2, appendix C.
void put_svm_handler(Records &records, const trace_event &exit)
{
	const uint32_t code = exit.data[0];
	if (code >= 0x20 && code < 0x40)
		records.put(code < 0x30 ? TRACE_RECORD_DR_READ : TRACE_RECORD_DR_WRITE, {code & 15, 0});
	else if (code == 0x60)
		records.put(TRACE_RECORD_INTERRUPT, {0});
	else if (code == 0x61)
		records.put(TRACE_RECORD_NMI, {});
	else if (code == 0x64) // virtual interrupt: the window is open
		records.put(TRACE_RECORD_PENDING, {0});
	else if (code == 0x78)
		records.put(TRACE_RECORD_HLT, {});
}

} // namespace

uint32_t &TraceEncoder::vcpu_of(uint32_t tid, uint32_t tgid)
{
	if (!vcpu_ || tid != tid_) {
		// Threads come and go: those that still run show their vCPU again with the next exit or
		// entry.
		if (vcpus_.size() >= kMostThreads)
			vcpus_.clear();
		const auto [found, is_new] = vcpus_.try_emplace(tid, kUnknownVcpu);
		if (is_new)
			processes_.push_back(tgid);
		vcpu_ = &found->second;
		tid_ = tid;
	}
	return *vcpu_;
}

uint32_t *TraceEncoder::event(uint32_t *out, const trace_event &from)
{
	uint32_t &vcpu = vcpu_of(from.tid, from.tgid);
	if (tells_vcpu(isa_) && from.kind == TRACE_ENTRY)
		vcpu = from.data[kEntryVcpu];
	else if (tells_vcpu(isa_) && from.kind == TRACE_EXIT)
		vcpu = from.data[kExitVcpu];
	Records records(out, from, vcpu);
	if (from.kind >= TRACE_KINDS_COUNT)
		return out;
	if (from.kind != TRACE_EXIT) {
		records.put(kShapes[from.kind], from.data);
		return records.end();
	}
	if (!tells_isa(isa_)) {
		const uint32_t data[TRACE_WORDS] = {code_of(isa_, from), from.data[1], from.data[2], isa_};
		records.put(kShapes[TRACE_EXIT], data);
		return records.end();
	}
	records.put(kShapes[TRACE_EXIT], from.data);
	if (from.data[3] == ISA_VMX)
		put_vmx_handler(records, from);
	else if (from.data[3] == ISA_SVM)
		put_svm_handler(records, from);
	return records.end();
}

// Says that events of a CPU are missing from here on, if the ring's next event, or what the ring lost if
// there is none, tells so.
inline uint32_t *TraceEncoder::begin_gap(uint32_t *out, Ring &ring, size_t cpu) const
{
	const bool waits = ring.tail != ring.head;
	// What the ring lost was read before its head: its latest events may know of more.
	if (ring.gap || (waits ? ring.events[ring.tail & ring.mask].lost : ring.lost) <= ring.told)
		return out;
	ring.gap = true;
	out = put_header(out, TRACE_RECORD_GAP, 1, 0, 0, time_ns_);
	*out++ = static_cast<uint32_t>(cpu);
	return out;
}

uint32_t *TraceEncoder::end_gap(uint32_t *out, Ring &ring, size_t cpu, uint64_t lost) const
{
	const uint64_t missing = lost - ring.told;
	ring.told = lost;
	ring.gap = false;
	out = put_header(out, TRACE_RECORD_GAP_END, 3, 0, 0, time_ns_);
	*out++ = static_cast<uint32_t>(cpu);
	*out++ = static_cast<uint32_t>(missing);
	*out++ = static_cast<uint32_t>(missing >> 32);
	return out;
}

/*
 * An event has been lost between two of its CPU, and after the last one written when it is first known of:
 * what was written before it was known of is older. A vCPU may move to another CPU in a gap. Its events there
 * come between the gap's two records too: what the CPU wrote before the vCPU left it is in the rings when the
 * loss is known, for losses are read before heads.
 */
size_t TraceEncoder::encode(std::vector<Ring> &rings, uint64_t until_ns, uint64_t certain_ns, uint32_t *to,
			    size_t room)
{
	if (room < kMostWords)
		return 0;
	uint32_t *out = to, *const last = to + room - kMostWords;
	for (size_t i = 0; i < rings.size(); i++) {
		out = begin_gap(out, rings[i], i);
		if (out > last)
			return out - to;
	}
	// The rings that have events left, as a heap with the earliest event on top; of two the lower CPU's.
	std::vector<std::pair<uint64_t, size_t>> open;
	auto next = [&](size_t index) -> uint64_t {
		return rings[index].events[rings[index].tail & rings[index].mask].time_ns;
	};
	auto later = [](const auto &a, const auto &b) { return a > b; };
	for (size_t i = 0; i < rings.size(); i++)
		if (rings[i].tail != rings[i].head)
			open.emplace_back(next(i), i);
	std::make_heap(open.begin(), open.end(), later);
	while (!open.empty() && open.front().first <= until_ns && out <= last) {
		const size_t index = open.front().second;
		std::pop_heap(open.begin(), open.end(), later);
		open.pop_back();
		Ring &ring = rings[index];
		// All that no other ring has an earlier event than.
		do {
			const trace_event &from = ring.events[ring.tail & ring.mask];
			time_ns_ = std::max<uint64_t>(time_ns_, from.time_ns);
			if (ring.gap)
				out = end_gap(out, ring, index, from.lost);
			out = event(out, from);
			ring.tail++;
			events_++;
			out = begin_gap(out, ring, index);
		} while (ring.tail != ring.head && out <= last && next(index) <= until_ns &&
			 (open.empty() || std::make_pair(next(index), index) < open.front()));
		if (ring.tail != ring.head) {
			open.emplace_back(next(index), index);
			std::push_heap(open.begin(), open.end(), later);
		}
	}
	// A gap that no event has followed: all that is older than when it was known is written.
	for (size_t i = 0; i < rings.size() && out <= last; i++) {
		Ring &ring = rings[i];
		if (!ring.gap || ring.tail != ring.head || ring.lost_ns > certain_ns ||
		    ring.lost <= ring.told)
			continue;
		time_ns_ = std::max<uint64_t>(time_ns_, ring.lost_ns);
		out = end_gap(out, ring, i, ring.lost);
	}
	return out - to;
}

} // namespace vmexit
