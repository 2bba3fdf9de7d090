// SPDX-License-Identifier: MIT
// The Node-API face of the tracepoint counters: guards types and state, turns snapshots into columns.
#include "binding.h"

#include <stdexcept>

#include "counters.h"

namespace vmexit
{
namespace
{

CountersOptions read_options(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	if (info.Length() < 1 || !info[0].IsObject())
		throw Napi::TypeError::New(env, "options must be an object");
	Napi::Object object = info[0].As<Napi::Object>();
	Napi::Value path = object.Get("object"), events = object.Get("events");
	if (!path.IsString())
		throw Napi::TypeError::New(env, "object must be a string");
	if (!events.IsArray())
		throw Napi::TypeError::New(env, "events must be an array");
	CountersOptions options;
	options.object = path.As<Napi::String>().Utf8Value();
	Napi::Array names = events.As<Napi::Array>();
	for (uint32_t i = 0; i < names.Length(); i++) {
		Napi::Value name = names.Get(i);
		if (!name.IsString())
			throw Napi::TypeError::New(env, "each of events must be a string");
		options.events.push_back(name.As<Napi::String>().Utf8Value());
	}
	if (options.events.size() < STAT_EVENT_FIRST_PLAIN)
		throw Napi::RangeError::New(env, "events must begin with kvm_exit and kvm_userspace_exit");
	return options;
}

class Binding : public Napi::ObjectWrap<Binding>
{
public:
	static Napi::Function define(Napi::Env env)
	{
		return DefineClass(env, "Counters",
				   {
				       InstanceMethod<&Binding::attach>("attach"),
				       InstanceMethod<&Binding::filter>("filter"),
				       InstanceMethod<&Binding::snapshot>("snapshot"),
				       InstanceMethod<&Binding::close>("close"),
				   });
	}

	explicit Binding(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Binding>(info)
	{
		CountersOptions options = read_options(info);
		events_ = options.events.size();
		try {
			counters_ = std::make_unique<Counters>(options);
		} catch (const std::exception &error) {
			throw Napi::Error::New(info.Env(), error.what());
		}
	}

private:
	Counters &counters(const Napi::CallbackInfo &info)
	{
		if (!counters_)
			throw Napi::Error::New(info.Env(), "the counters are closed");
		return *counters_;
	}

	static uint32_t whole_number(const Napi::CallbackInfo &call, const Napi::Value &value,
				     const char *name, double below)
	{
		double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
		if (!(number >= 0 && number < below) || number != static_cast<uint32_t>(number))
			throw Napi::TypeError::New(call.Env(), std::string(name) + " is out of range");
		return static_cast<uint32_t>(number);
	}

	Napi::Value attach(const Napi::CallbackInfo &call)
	{
		Counters &open = counters(call);
		if (call.Length() < 1 || !call[0].IsArray())
			throw Napi::TypeError::New(call.Env(), "the events must be an array");
		Napi::Array list = call[0].As<Napi::Array>();
		std::vector<uint32_t> wanted;
		for (uint32_t i = 0; i < list.Length(); i++)
			wanted.push_back(whole_number(call, list.Get(i), "an event's index", events_));
		Napi::Object failures = Napi::Object::New(call.Env());
		for (const auto &[event, why] : open.attach(wanted))
			failures.Set(event, why);
		return failures;
	}

	Napi::Value filter(const Napi::CallbackInfo &call)
	{
		Counters &open = counters(call);
		uint32_t pid = whole_number(call, call[0], "the process's id", UINT32_MAX);
		try {
			open.filter(pid);
		} catch (const std::exception &error) {
			throw Napi::Error::New(call.Env(), error.what());
		}
		return call.Env().Undefined();
	}

	Napi::Value snapshot(const Napi::CallbackInfo &call)
	{
		CountersSnapshot from = counters(call).snapshot();
		Napi::Env env = call.Env();
		size_t rows = from.children.size();
		Napi::Float64Array events = Napi::Float64Array::New(env, from.events.size()),
				   counts = Napi::Float64Array::New(env, rows);
		Napi::Uint8Array kinds = Napi::Uint8Array::New(env, rows);
		Napi::Uint32Array reasons = Napi::Uint32Array::New(env, rows);
		for (size_t i = 0; i < from.events.size(); i++)
			events[i] = from.events[i];
		for (size_t i = 0; i < rows; i++) {
			kinds[i] = from.children[i].kind;
			reasons[i] = from.children[i].reason;
			counts[i] = from.children[i].count;
		}
		Napi::Object children = Napi::Object::New(env), to = Napi::Object::New(env);
		children.Set("kind", kinds);
		children.Set("reason", reasons);
		children.Set("count", counts);
		to.Set("events", events);
		to.Set("children", children);
		to.Set("unplaced", static_cast<double>(from.unplaced));
		to.Set("missedEvents", static_cast<double>(from.missed));
		return to;
	}

	// Closing twice is no fault: a tool closes on every way out.
	Napi::Value close(const Napi::CallbackInfo &call)
	{
		counters_.reset();
		return call.Env().Undefined();
	}

	size_t events_ = 0;
	std::unique_ptr<Counters> counters_;
};

} // namespace

Napi::Function define_counters(Napi::Env env)
{
	return Binding::define(env);
}

} // namespace vmexit
