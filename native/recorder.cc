// The recorder: loads the programs that write events into a ring buffer, and hands the events over in
// batches.
#include "recorder.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/trace.h"

namespace vmexit
{
namespace
{

// A batch ends with the event that reaches this size, so that JavaScript gets its turn.
constexpr size_t kBatchBytes = 4 << 20;

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
	uint32_t buffer_bytes = 0;
};

[[noreturn]] void fail(const std::string &what, int error)
{
	throw std::runtime_error(what + ": " + strerror(abs(error)));
}

class Recorder
{
public:
	explicit Recorder(const Request &request)
	{
		libbpf_set_print(nullptr);
		object_.reset(bpf_object__open_file(request.object.c_str(), nullptr));
		if (!object_)
			fail("cannot open the BPF object " + request.object, errno);
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
			fail("cannot load the BPF programs", error);
		for (uint32_t pid : request.pids) {
			uint8_t one = 1;
			if (int error = bpf_map__update_elem(map("pids"), &pid, sizeof(pid), &one,
							     sizeof(one), BPF_ANY))
				fail("cannot set the process filter", error);
		}
		ring_.reset(ring_buffer__new(bpf_map__fd(map("events")), take, this, nullptr));
		if (!ring_)
			fail("cannot map the ring buffer", errno);
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

	// The events that wait, at most a batch of them.
	std::vector<char> &read()
	{
		batch_.clear();
		int result = ring_buffer__consume(ring_.get());
		if (result < 0 && result != -ENOSPC)
			fail("cannot read the ring buffer", result);
		return batch_;
	}

	// Events without room in the ring buffer, since the beginning.
	uint64_t lost()
	{
		uint32_t only = 0;
		uint64_t lost;
		if (int error =
			bpf_map__lookup_elem(map(".bss.lost"), &only, sizeof(only), &lost, sizeof(lost), 0))
			fail("cannot read what was lost", error);
		return lost;
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
		memcpy(config.offsets, request.offsets.data(), sizeof(config.offsets));
		if (int error = bpf_map__set_initial_value(map(".rodata.config"), &config, sizeof(config)))
			fail("the BPF object doesn't fit this program", error);
		bpf_map__set_max_entries(map("events"), request.buffer_bytes);
	}

	// The last first: what ends an interval is attached before what begins it.
	void attach()
	{
		for (auto program = programs_.rbegin(); program != programs_.rend(); ++program) {
			bpf_link *link = bpf_program__attach(*program);
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

	static int take(void *recorder, void *data, size_t size)
	{
		std::vector<char> &batch = static_cast<Recorder *>(recorder)->batch_;
		const char *event = static_cast<const char *>(data);
		batch.insert(batch.end(), event, event + size);
		return batch.size() < kBatchBytes ? 0 : -ENOSPC;
	}

	struct ObjectClose {
		void operator()(bpf_object *object) const
		{
			bpf_object__close(object);
		}
	};
	struct RingFree {
		void operator()(ring_buffer *ring) const
		{
			ring_buffer__free(ring);
		}
	};
	std::unique_ptr<bpf_object, ObjectClose> object_;
	std::unique_ptr<ring_buffer, RingFree> ring_;
	std::vector<bpf_program *> programs_;
	std::vector<bpf_link *> links_;
	std::vector<char> batch_;
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
	if (!object.Get("bufferBytes").IsNumber())
		throw Napi::TypeError::New(env, "bufferBytes must be a number");
	request.buffer_bytes = object.Get("bufferBytes").As<Napi::Number>().Uint32Value();
	if (object.Get("pids").IsUndefined())
		return request;
	request.filter_pids = true;
	request.pids = numbers(object, "pids", UINT32_MAX);
	return request;
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
		std::vector<char> &batch = open(call).read();
		return Napi::Buffer<char>::Copy(call.Env(), batch.data(), batch.size());
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

Napi::Function define_recorder(Napi::Env env)
{
	return Napi::ObjectWrap<Binding>::DefineClass(env, "Recorder",
						      {
							  Binding::InstanceMethod<&Binding::read>("read"),
							  Binding::InstanceMethod<&Binding::lost>("lost"),
							  Binding::InstanceMethod<&Binding::stop>("stop"),
							  Binding::InstanceMethod<&Binding::close>("close"),
						      });
}

} // namespace vmexit
