// SPDX-License-Identifier: MIT
// The Node-API face of the programs that split vCPUs' time: guards types and state, turns snapshots into
// columns.
#include "binding.h"

#include <memory>
#include <stdexcept>

#include "../session_values.h"
#include "splitter.h"

namespace vmexit
{
namespace
{

SplitAttach attach_mode(const Napi::Value &value)
{
	std::string mode = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
	if (mode == "auto")
		return SplitAttach::Auto;
	if (mode == "direct")
		return SplitAttach::Direct;
	if (mode == "probe")
		return SplitAttach::Probe;
	throw Napi::TypeError::New(value.Env(), "attach must be auto, direct or probe");
}

SplitOptions read_options(const Napi::CallbackInfo &info)
{
	Napi::Object object = options_object(info);
	SplitOptions options;
	read_shared_options(object, options);
	options.attach = attach_mode(object.Get("attach"));
	return options;
}

class Binding : public Napi::ObjectWrap<Binding>
{
public:
	static Napi::Function define(Napi::Env env)
	{
		return DefineClass(env, "Splitter",
				   {
				       InstanceMethod<&Binding::info>("info"),
				       InstanceMethod<&Binding::snapshot>("snapshot"),
				       InstanceMethod<&Binding::stop>("stop"),
				       InstanceMethod<&Binding::close>("close"),
				   });
	}

	explicit Binding(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Binding>(info)
	{
		SplitOptions options = read_options(info);
		try {
			splitter_ = std::make_unique<Splitter>(options);
		} catch (const std::exception &error) {
			throw Napi::Error::New(info.Env(), error.what());
		}
	}

private:
	Splitter &splitter(const Napi::CallbackInfo &info)
	{
		if (!splitter_)
			throw Napi::Error::New(info.Env(), "the session is closed");
		return *splitter_;
	}

	Napi::Value info(const Napi::CallbackInfo &call)
	{
		Splitter &open = splitter(call);
		return info_value(call.Env(), open, open.direct() ? "direct" : "probe");
	}

	Napi::Value snapshot(const Napi::CallbackInfo &call)
	{
		SplitSnapshot from = splitter(call).snapshot();
		Napi::Env env = call.Env();
		const auto &rows = from.vcpus;
		Napi::Object clocks = Napi::Object::New(env), waits = Napi::Object::New(env),
			     to = Napi::Object::New(env);
		Napi::Float64Array ns = Napi::Float64Array::New(env, rows.size() * kActivities);
		for (size_t i = 0; i < rows.size(); i++)
			for (size_t k = 0; k < kActivities; k++)
				ns[i * kActivities + k] = rows[i].ns[k];
		auto count = [&](const char *name, uint64_t SplitRow::*member) {
			clocks.Set(name, column<Napi::Float64Array>(env, rows,
								    [&](auto &row) { return row.*member; }));
		};
		clocks.Set("ns", ns);
		count("exits", &SplitRow::exits);
		count("returns", &SplitRow::returns);
		count("wakeups", &SplitRow::wakeups);
		count("migrations", &SplitRow::migrations);
		count("maxWaitNs", &SplitRow::max_wait_ns);
		count("maxIdleNs", &SplitRow::max_idle_ns);
		waits.Set("vcpu",
			  column<Napi::Uint32Array>(env, from.waits, [](auto &row) { return row.vcpu; }));
		waits.Set("bucket",
			  column<Napi::Uint8Array>(env, from.waits, [](auto &row) { return row.bucket; }));
		waits.Set("count",
			  column<Napi::Float64Array>(env, from.waits, [](auto &row) { return row.count; }));
		to.Set("atNs", static_cast<double>(from.at_ns));
		to.Set("vcpus", vcpu_columns(env, rows));
		to.Set("clocks", clocks);
		to.Set("waits", waits);
		to.Set("recordsFull", static_cast<double>(from.accounts_full));
		to.Set("missedEvents", static_cast<double>(from.missed));
		return to;
	}

	Napi::Value stop(const Napi::CallbackInfo &call)
	{
		splitter(call).stop();
		return call.Env().Undefined();
	}

	// Closing twice is no fault: a tool closes on every way out.
	Napi::Value close(const Napi::CallbackInfo &call)
	{
		splitter_.reset();
		return call.Env().Undefined();
	}

	std::unique_ptr<Splitter> splitter_;
};

} // namespace

Napi::Function define_splitter(Napi::Env env)
{
	return Binding::define(env);
}

} // namespace vmexit
