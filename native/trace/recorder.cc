// The recorder: loads the programs that write events into the CPUs' rings, and hands the events over as
// kvmtrace's records.
#include "recorder.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../bpf/contract/trace.h"
#include "../kernel/attach.h"
#include "../kernel/core_btf.h"
#include "encoder.h"

namespace vmexit
{
namespace
{

// How much later than its time an event may be in its ring: an interrupt came between the two.
constexpr uint64_t kWindowNs = 20'000'000;
#ifdef __aarch64__
constexpr bool kArm64 = true;
#else
constexpr bool kArm64 = false;
#endif

// By enum trace_kind.
constexpr const char *kPrograms[TRACE_KINDS] = {
    "kvm_entry",
    "kvm_exit",
    "kvm_nested_vmexit",
    "kvm_nested_vmexit_inject",
    "kvm_page_fault",
    "kvm_inj_virq",
    "kvm_pio",
    "kvm_cr",
    "kvm_msr",
    "kvm_cpuid",
    "kvm_hypercall",
    "kvm_apic",
    "kvm_userspace_exit",
    "kvm_vcpu_wakeup",
};

struct Request {
	std::string object;
	bool filter_pids = false;
	std::vector<uint32_t> pids, kinds, offsets;
	uint32_t ring_shift = 0;
};

[[noreturn]] void fail(const std::string &what, int error)
{
	throw std::runtime_error(what + ": " + strerror(abs(error)));
}

// A map's values in this process's memory.
template <class Value> class MappedArray
{
public:
	MappedArray(int map, size_t count, int protection) : bytes_(count * sizeof(Value))
	{
		void *memory = mmap(nullptr, bytes_, protection, MAP_SHARED, map, 0);
		if (memory == MAP_FAILED)
			fail("cannot map the ring buffers", errno);
		values_ = static_cast<Value *>(memory);
	}
	~MappedArray()
	{
		munmap(const_cast<void *>(static_cast<const void *>(values_)), bytes_);
	}
	MappedArray(const MappedArray &) = delete;
	MappedArray &operator=(const MappedArray &) = delete;

	Value &operator[](size_t index) const
	{
		return values_[index];
	}

private:
	size_t bytes_;
	Value *values_;
};

class Recorder
{
public:
	explicit Recorder(const Request &request)
	{
		libbpf_set_print(nullptr);
		// The programs read records alone, none of the kernel's structs.
		object_ = CoreBtf(nullptr).open(request.object);
		bpf_program *program;
		bpf_object__for_each_program(program, object_.get())
		    bpf_program__set_autoload(program, false);
		for (uint32_t kind : request.kinds) {
			program = bpf_object__find_program_by_name(object_.get(), kPrograms[kind]);
			if (!program)
				fail(std::string("the BPF object lacks the program ") + kPrograms[kind],
				     ENOENT);
			bpf_program__set_autoload(program, true);
			programs_.push_back(program);
		}
		configure(request);
		if (int error = bpf_object__load(object_.get()))
			throw load_error(error);
		for (uint32_t pid : request.pids) {
			uint8_t one = 1;
			if (int error = bpf_map__update_elem(map("pids"), &pid, sizeof(pid), &one,
							     sizeof(one), BPF_ANY))
				fail("cannot set the process filter", error);
		}
		events_ = std::make_unique<MappedArray<const trace_event>>(
		    bpf_map__fd(map("events")), rings_.size() << request.ring_shift, PROT_READ);
		cursors_ = std::make_unique<MappedArray<trace_cursor>>(bpf_map__fd(map("cursors")),
								       rings_.size(), PROT_READ | PROT_WRITE);
		for (size_t cpu = 0; cpu < rings_.size(); cpu++)
			rings_[cpu] = {&(*events_)[cpu << request.ring_shift],
				       (uint64_t{1} << request.ring_shift) - 1, 0, 0};
		attach();
	}
	~Recorder()
	{
		stop();
	}

	// Detaches the programs; what they wrote can still be read.
	void stop()
	{
		for (bpf_link *link : links_)
			bpf_link__destroy(link);
		links_.clear();
	}

	// Writes records of the events that no earlier one can follow, or of all that wait, as far as there
	// is room.
	size_t read(uint32_t *to, size_t room, bool all)
	{
		timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		uint64_t until = now.tv_sec * uint64_t{1'000'000'000} + now.tv_nsec - kWindowNs;
		for (size_t cpu = 0; cpu < rings_.size(); cpu++) {
			Ring &ring = rings_[cpu];
			ring.head = __atomic_load_n(&(*cursors_)[cpu].head, __ATOMIC_ACQUIRE);
			// Before it overflows it rather gets out of order.
			if (all || ring.head - ring.tail > ring.mask / 2)
				until = UINT64_MAX;
		}
#ifndef __x86_64__
		// The programs write an event and then its head, but nothing makes other CPUs see them in
		// this order; from here on they do. 0x01 is MEMBARRIER_CMD_GLOBAL.
		syscall(SYS_membarrier, 0x01, 0, 0);
#endif
		const size_t words = encoder_.encode(rings_, until, to, room);
		for (size_t cpu = 0; cpu < rings_.size(); cpu++)
			__atomic_store_n(&(*cursors_)[cpu].tail, rings_[cpu].tail, __ATOMIC_RELEASE);
		return words;
	}

	uint64_t events() const
	{
		return encoder_.events();
	}

	// Events that found no room, or for which the kernel didn't run a program, since the beginning.
	uint64_t lost()
	{
		uint32_t only = 0;
		uint64_t lost;
		if (int error =
			bpf_map__lookup_elem(map(".bss.lost"), &only, sizeof(only), &lost, sizeof(lost), 0))
			fail("cannot read what was lost", error);
		for (size_t cpu = 0; cpu < rings_.size(); cpu++)
			lost += __atomic_load_n(&(*cursors_)[cpu].lost, __ATOMIC_RELAXED);
		return lost + missed();
	}

	// Those among them for which the kernel didn't run a program, as far as it counts them.
	uint64_t missed() const
	{
		uint64_t missed = 0;
		for (bpf_program *program : programs_)
			missed += missed_by(bpf_program__fd(program));
		return missed;
	}

private:
	bpf_map *map(const char *name)
	{
		bpf_map *found = bpf_object__find_map_by_name(object_.get(), name);
		if (!found)
			fail(std::string("the BPF object lacks the map ") + name, ENOENT);
		return found;
	}

	void configure(const Request &request)
	{
		trace_config config = {};
		config.filter_pids = request.filter_pids;
		config.ring_shift = request.ring_shift;
		memcpy(config.offsets, request.offsets.data(), sizeof(config.offsets));
		if (int error = bpf_map__set_initial_value(map(".rodata.config"), &config, sizeof(config)))
			fail("the BPF object doesn't fit this program", error);
		bpf_map__set_max_entries(map("events"), rings_.size() << request.ring_shift);
		bpf_map__set_max_entries(map("cursors"), rings_.size());
	}

	// The last first: what ends an interval is attached before what begins it.
	void attach()
	{
		for (auto program = programs_.rbegin(); program != programs_.rend(); ++program) {
			bpf_link *link = vmexit::attach(*program);
			if (!link) {
				int error = errno;
				stop();
				fail(std::string("cannot attach the BPF program ") +
					 bpf_program__name(*program),
				     error);
			}
			links_.push_back(link);
		}
	}

	Object object_;
	std::unique_ptr<MappedArray<const trace_event>> events_;
	std::unique_ptr<MappedArray<trace_cursor>> cursors_;
	// One for each CPU that the machine has.
	std::vector<Ring> rings_{static_cast<size_t>(sysconf(_SC_NPROCESSORS_CONF))};
	TraceEncoder encoder_{kArm64};
	std::vector<bpf_program *> programs_;
	std::vector<bpf_link *> links_;
};

// A Uint32Array of numbers below a bound.
std::vector<uint32_t> numbers(const Napi::Object &from, const char *name, uint32_t bound)
{
	Napi::Value value = from.Get(name);
	if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
		throw Napi::TypeError::New(from.Env(), std::string(name) + " must be a Uint32Array");
	Napi::Uint32Array array = value.As<Napi::Uint32Array>();
	std::vector<uint32_t> result(array.Data(), array.Data() + array.ElementLength());
	for (uint32_t number : result)
		if (number >= bound)
			throw Napi::RangeError::New(from.Env(), std::string("too great a number in ") + name);
	return result;
}

Request read_request(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	if (info.Length() < 1 || !info[0].IsObject())
		throw Napi::TypeError::New(env, "options must be an object");
	Napi::Object object = info[0].As<Napi::Object>();
	Request request;
	if (!object.Get("object").IsString())
		throw Napi::TypeError::New(env, "object must be a string");
	request.object = object.Get("object").As<Napi::String>().Utf8Value();
	request.kinds = numbers(object, "kinds", TRACE_KINDS);
	request.offsets = numbers(object, "offsets", TRACE_LAST_OFFSET + 1);
	if (request.offsets.size() != TRACE_KINDS * TRACE_WORDS)
		throw Napi::RangeError::New(env, "offsets must have an element for each word of each kind");
	Napi::Value shift = object.Get("ringShift");
	double number = shift.IsNumber() ? shift.As<Napi::Number>().DoubleValue() : -1;
	// 2^20 events are 64 MiB for each CPU.
	if (!(number >= 1 && number <= 20) || number != static_cast<uint32_t>(number))
		throw Napi::TypeError::New(env, "ringShift must be a whole number from 1 to 20");
	request.ring_shift = static_cast<uint32_t>(number);
	if (object.Get("pids").IsUndefined())
		return request;
	request.filter_pids = true;
	request.pids = numbers(object, "pids", UINT32_MAX);
	return request;
}

Napi::Uint32Array room_for_records(const Napi::CallbackInfo &call, size_t index)
{
	if (!call[index].IsTypedArray() ||
	    call[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
		throw Napi::TypeError::New(call.Env(), "records are written to a Uint32Array");
	return call[index].As<Napi::Uint32Array>();
}

// encodeRings(rings, arm64, to): writes the records of rings of struct trace_event, as the recorder does, and
// returns how many words they have.
Napi::Value encode_rings(const Napi::CallbackInfo &call)
{
	std::vector<std::vector<trace_event>> events;
	std::vector<Ring> rings;
	Napi::Array from = call[0].As<Napi::Array>();
	for (uint32_t i = 0; i < from.Length(); i++) {
		Napi::Value bytes = from[i];
		if (!bytes.IsTypedArray() || bytes.As<Napi::TypedArray>().ByteLength() % sizeof(trace_event))
			throw Napi::TypeError::New(call.Env(), "a ring must be an array of whole events");
		Napi::TypedArray array = bytes.As<Napi::TypedArray>();
		const char *begin =
		    static_cast<const char *>(array.ArrayBuffer().Data()) + array.ByteOffset();
		std::vector<trace_event> &copy =
		    events.emplace_back(array.ByteLength() / sizeof(trace_event));
		if (!copy.empty())
			memcpy(copy.data(), begin, array.ByteLength());
	}
	for (const std::vector<trace_event> &ring : events)
		rings.push_back({ring.data(), UINT64_MAX, ring.size(), 0});
	TraceEncoder encoder(call[1].ToBoolean());
	Napi::Uint32Array to = room_for_records(call, 2);
	const size_t words = encoder.encode(rings, UINT64_MAX, to.Data(), to.ElementLength());
	return Napi::Number::New(call.Env(), static_cast<double>(words));
}

class Binding : public Napi::ObjectWrap<Binding>
{
public:
	explicit Binding(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Binding>(info)
	{
		Request request = read_request(info);
		try {
			recorder_ = std::make_unique<Recorder>(request);
		} catch (const std::exception &error) {
			throw Napi::Error::New(info.Env(), error.what());
		}
	}

	Napi::Value read(const Napi::CallbackInfo &call)
	{
		Napi::Uint32Array to = room_for_records(call, 0);
		const size_t words = open(call).read(to.Data(), to.ElementLength(), call[1].ToBoolean());
		return Napi::Number::New(call.Env(), static_cast<double>(words));
	}

	Napi::Value events(const Napi::CallbackInfo &call)
	{
		return Napi::Number::New(call.Env(), static_cast<double>(open(call).events()));
	}

	Napi::Value missed(const Napi::CallbackInfo &call)
	{
		return Napi::Number::New(call.Env(), static_cast<double>(open(call).missed()));
	}

	Napi::Value lost(const Napi::CallbackInfo &call)
	{
		return Napi::Number::New(call.Env(), static_cast<double>(open(call).lost()));
	}

	Napi::Value stop(const Napi::CallbackInfo &call)
	{
		open(call).stop();
		return call.Env().Undefined();
	}

	Napi::Value close(const Napi::CallbackInfo &call)
	{
		recorder_.reset();
		return call.Env().Undefined();
	}

private:
	Recorder &open(const Napi::CallbackInfo &call)
	{
		if (!recorder_)
			throw Napi::Error::New(call.Env(), "the recorder is closed");
		return *recorder_;
	}

	std::unique_ptr<Recorder> recorder_;
};

} // namespace

Napi::Function define_encode_rings(Napi::Env env)
{
	return Napi::Function::New(env, encode_rings, "encodeRings");
}

Napi::Function define_recorder(Napi::Env env)
{
	return Napi::ObjectWrap<Binding>::DefineClass(env, "Recorder",
						      {
							  Binding::InstanceMethod<&Binding::read>("read"),
							  Binding::InstanceMethod<&Binding::events>("events"),
							  Binding::InstanceMethod<&Binding::lost>("lost"),
							  Binding::InstanceMethod<&Binding::missed>("missed"),
							  Binding::InstanceMethod<&Binding::stop>("stop"),
							  Binding::InstanceMethod<&Binding::close>("close"),
						      });
}

} // namespace vmexit
