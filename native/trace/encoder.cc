// Merges the CPUs' rings of events by time, and writes the events as kvmtrace's records.
#include "encoder.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace vmexit
{
namespace
{

// Event ids: src/trace/events.ts has them all and says where they come from.
enum Event : uint32_t {
	kEntry = 0x10001,
	kExit = 0x10002,
	kPageFault = 0x20001,
	kInjected = 0x20002,
	kPending = 0x20003,
	kPortRead = 0x20004,
	kPortWrite = 0x20005,
	kCrRead = 0x20006,
	kCrWrite = 0x20007,
	kDrRead = 0x20008,
	kDrWrite = 0x20009,
	kMsrRead = 0x2000a,
	kMsrWrite = 0x2000b,
	kCpuid = 0x2000c,
	kInterrupt = 0x2000d,
	kNmi = 0x2000e,
	kHypercall = 0x2000f,
	kHlt = 0x20010,
	kClts = 0x20011,
	kLmsw = 0x20012,
	kApic = 0x20013,
	kUserspaceExit = 0x40003,
	kFromL2 = 0x40004,
	kReflected = 0x40005,
	kWakeup = 0x40006,
};

constexpr uint32_t kUnknownVcpu = UINT32_MAX;
constexpr uint32_t kIsaVmx = 1, kIsaSvm = 2, kIsaArm64 = 3;
constexpr uint32_t kTimed = 1u << 31;

// Writes one record.
class Record
{
public:
	Record(uint32_t *out, const trace_event &from, uint32_t vcpu) : out_(out), from_(from), vcpu_(vcpu)
	{
	}

	void put(uint32_t event, std::initializer_list<uint32_t> words)
	{
		out_[0] = event | static_cast<uint32_t>(words.size()) << 28 | kTimed;
		out_[1] = from_.tgid;
		out_[2] = vcpu_;
		out_[3] = static_cast<uint32_t>(from_.time_ns);
		out_[4] = static_cast<uint32_t>(from_.time_ns >> 32);
		out_ += 5;
		for (uint32_t word : words)
			*out_++ = word;
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

// The handler's run that an exit tells of by itself, where kvmtrace recorded it and no tracepoint does today.
// Intel SDM 3C: exit reasons (appendix C), exit qualifications (27.2.1), interruption information (24.9.2).
void put_vmx_handler(Record &record, const trace_event &exit)
{
	const uint32_t qualification = exit.data[5], interruption = exit.data[7], tid = exit.tid;
	switch (exit.data[0]) {
	case 0: // exception or NMI
		if ((interruption >> 8 & 7) == 2)
			record.put(kNmi, {tid});
		return;
	case 1: // external interrupt; the vector is there if it was acknowledged on exit
		record.put(kInterrupt, {interruption >> 31 ? interruption & 0xff : 0, tid});
		return;
	case 7: // interrupt window
		record.put(kPending, {0, tid});
		return;
	case 12:
		record.put(kHlt, {tid});
		return;
	case 28: // control-register access: bits 4 and 5 say 2 for CLTS, 3 for LMSW
		if ((qualification >> 4 & 3) == 2)
			record.put(kClts, {tid});
		else if ((qualification >> 4 & 3) == 3)
			record.put(kLmsw, {qualification >> 16, tid});
		return;
	case 29: // debug-register access: number in bits 0 to 2, bit 4 set for a read
		record.put(qualification & 16 ? kDrRead : kDrWrite, {qualification & 7, 0, tid});
	}
}

// AMD APM 2, appendix C.
void put_svm_handler(Record &record, const trace_event &exit)
{
	const uint32_t code = exit.data[0], tid = exit.tid;
	if (code >= 0x20 && code < 0x40)
		record.put(code < 0x30 ? kDrRead : kDrWrite, {code & 15, 0, tid});
	else if (code == 0x60)
		record.put(kInterrupt, {0, tid});
	else if (code == 0x61)
		record.put(kNmi, {tid});
	else if (code == 0x64) // virtual interrupt: the window is open
		record.put(kPending, {0, tid});
	else if (code == 0x78)
		record.put(kHlt, {tid});
}

} // namespace

uint32_t &TraceEncoder::vcpu_of(uint32_t tid)
{
	if (!vcpu_ || tid != tid_) {
		vcpu_ = &vcpus_.try_emplace(tid, kUnknownVcpu).first->second;
		tid_ = tid;
	}
	return *vcpu_;
}

uint32_t *TraceEncoder::event(uint32_t *out, const trace_event &from)
{
	const uint32_t *data = from.data, tid = from.tid;
	uint32_t &vcpu = vcpu_of(tid);
	if (!arm64_ && from.kind == TRACE_ENTRY)
		vcpu = data[0];
	else if (!arm64_ && from.kind == TRACE_EXIT)
		vcpu = data[4];
	Record record(out, from, vcpu);
	switch (from.kind) {
	case TRACE_ENTRY:
		record.put(kEntry, {tid});
		break;
	case TRACE_EXIT:
		if (arm64_) {
			record.put(kExit,
				   {data[0] << 8 | (data[5] & 0xff), data[1], data[2], kIsaArm64, tid});
			break;
		}
		record.put(kExit, {data[0], data[1], data[2], data[3], tid});
		if (data[3] == kIsaVmx)
			put_vmx_handler(record, from);
		else if (data[3] == kIsaSvm)
			put_svm_handler(record, from);
		break;
	case TRACE_NESTED_EXIT:
		record.put(kFromL2, {tid});
		break;
	case TRACE_REFLECTED:
		record.put(kReflected, {tid});
		break;
	case TRACE_PAGE_FAULT:
		record.put(kPageFault, {data[0], data[1], data[2], tid});
		break;
	case TRACE_INJECTED:
		record.put(kInjected, {data[0], tid});
		break;
	case TRACE_PORT: // KVM_PIO_IN is 0: arch/x86/kvm/trace.h
		record.put(data[0] ? kPortWrite : kPortRead, {data[1], data[2], data[3], tid});
		break;
	case TRACE_CONTROL_REGISTER:
		record.put(data[0] ? kCrWrite : kCrRead, {data[1], data[2], data[3], tid});
		break;
	case TRACE_MSR:
		record.put(data[0] ? kMsrWrite : kMsrRead, {data[1], data[2], data[3], tid});
		break;
	case TRACE_CPUID: // five words already, all that the original formatter reads
		record.put(kCpuid, {data[0], data[1], data[2], data[3], data[4]});
		break;
	case TRACE_HYPERCALL:
		record.put(kHypercall, {data[0], data[1], data[2], tid});
		break;
	case TRACE_APIC:
		record.put(kApic, {data[1], data[0], data[2], tid});
		break;
	case TRACE_USERSPACE_EXIT:
		record.put(kUserspaceExit, {data[0], data[1], tid});
		break;
	case TRACE_WAKEUP:
		record.put(kWakeup, {data[0], data[1], tid});
		break;
	}
	return record.end();
}

size_t TraceEncoder::encode(std::vector<Ring> &rings, uint64_t until_ns, uint32_t *to, size_t room)
{
	if (room < kMostWords)
		return 0;
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
	uint32_t *out = to, *const last = to + room - kMostWords;
	while (!open.empty() && open.front().first <= until_ns && out <= last) {
		const size_t index = open.front().second;
		std::pop_heap(open.begin(), open.end(), later);
		open.pop_back();
		Ring &ring = rings[index];
		// All that no other ring has an earlier event than.
		do {
			out = event(out, ring.events[ring.tail & ring.mask]);
			ring.tail++;
			events_++;
		} while (ring.tail != ring.head && out <= last && next(index) <= until_ns &&
			 (open.empty() || std::make_pair(next(index), index) < open.front()));
		if (ring.tail != ring.head) {
			open.emplace_back(next(index), index);
			std::push_heap(open.begin(), open.end(), later);
		}
	}
	return out - to;
}

} // namespace vmexit
