// SPDX-License-Identifier: MIT
// Guards types and state, and throws for misuse.
#include "binding.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "recorder.h"

namespace vmexit
{
namespace
{

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

RecorderOptions read_options(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	if (info.Length() < 1 || !info[0].IsObject())
		throw Napi::TypeError::New(env, "options must be an object");
	Napi::Object object = info[0].As<Napi::Object>();
	RecorderOptions options;
	if (!object.Get("object").IsString())
		throw Napi::TypeError::New(env, "object must be a string");
	options.object = object.Get("object").As<Napi::String>().Utf8Value();
	options.kinds = numbers(object, "kinds", TRACE_KINDS_COUNT);
	Napi::Value shift = object.Get("ringShift");
	double number = shift.IsNumber() ? shift.As<Napi::Number>().DoubleValue() : -1;
	// 2^20 events are 64 MiB for each CPU.
	if (!(number >= 1 && number <= 20) || number != static_cast<uint32_t>(number))
		throw Napi::TypeError::New(env, "ringShift must be a whole number from 1 to 20");
	options.ring_shift = static_cast<uint32_t>(number);
	if (object.Get("pids").IsUndefined())
		return options;
	options.filter_pids = true;
	options.pids = numbers(object, "pids", UINT32_MAX);
	return options;
}

Napi::Uint32Array words_of(const Napi::CallbackInfo &call, size_t index)
{
	if (!call[index].IsTypedArray() ||
	    call[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
		throw Napi::TypeError::New(call.Env(), "words must be in a Uint32Array");
	return call[index].As<Napi::Uint32Array>();
}

// encodeRings(rings, isa, to, lost): writes the records of rings of struct trace_event, as the recorder
// does, and returns how many words they have.
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
	Napi::Uint32Array lost = words_of(call, 3);
	for (const std::vector<trace_event> &ring : events) {
		Ring &whole = rings.emplace_back();
		whole.events = ring.data();
		whole.mask = UINT64_MAX;
		whole.head = ring.size();
		whole.lost = lost.ElementLength() > rings.size() - 1 ? lost[rings.size() - 1] : 0;
	}
	TraceEncoder encoder(call[1].ToNumber().Uint32Value());
	Napi::Uint32Array to = words_of(call, 2);
	const size_t words = encoder.encode(rings, UINT64_MAX, UINT64_MAX, to.Data(), to.ElementLength());
	return Napi::Number::New(call.Env(), static_cast<double>(words));
}

class Binding : public Napi::ObjectWrap<Binding>
{
public:
	explicit Binding(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Binding>(info)
	{
		RecorderOptions options = read_options(info);
		try {
			recorder_ = std::make_unique<Recorder>(options);
		} catch (const std::exception &error) {
			throw Napi::Error::New(info.Env(), error.what());
		}
	}

	Napi::Value read(const Napi::CallbackInfo &call)
	{
		Napi::Uint32Array to = words_of(call, 0);
		const size_t words = open(call).read(to.Data(), to.ElementLength(), call[1].ToBoolean());
		return Napi::Number::New(call.Env(), static_cast<double>(words));
	}

	Napi::Value processes(const Napi::CallbackInfo &call)
	{
		const std::vector<uint32_t> taken = open(call).take_processes();
		Napi::Uint32Array result = Napi::Uint32Array::New(call.Env(), taken.size());
		std::copy(taken.begin(), taken.end(), result.Data());
		return result;
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
	return Napi::ObjectWrap<Binding>::DefineClass(
	    env, "Recorder",
	    {
		Binding::InstanceMethod<&Binding::read>("read"),
		Binding::InstanceMethod<&Binding::processes>("processes"),
		Binding::InstanceMethod<&Binding::events>("events"),
		Binding::InstanceMethod<&Binding::lost>("lost"),
		Binding::InstanceMethod<&Binding::missed>("missed"),
		Binding::InstanceMethod<&Binding::stop>("stop"),
		Binding::InstanceMethod<&Binding::close>("close"),
	    });
}

} // namespace vmexit
