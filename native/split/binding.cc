// The Node-API face of the programs that split vCPUs' time: guards types and state, turns snapshots into
// columns.
#include "binding.h"

#include <memory>
#include <stdexcept>

#include "../values.h"
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
	Napi::Env env = info.Env();
	if (info.Length() < 1 || !info[0].IsObject())
		throw Napi::TypeError::New(env, "options must be an object");
	Napi::Object object = info[0].As<Napi::Object>();
	SplitOptions options;
	Napi::Value path = object.Get("object");
	if (!path.IsString())
		throw Napi::TypeError::New(env, "object must be a string");
	options.object = path.As<Napi::String>().Utf8Value();
	options.attach = attach_mode(object.Get("attach"));
	options.max_vcpus = whole_number(object.Get("maxVcpus"), "maxVcpus", 1, MAX_VCPUS);
	options.filter_pids = numbers(object, "pids", MAX_PIDS, 1, options.pids);
	options.filter_vcpus = numbers(object, "vcpuIds", MAX_VCPU_IDS, 0, options.vcpu_ids);
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
		Napi::Env env = call.Env();
		Napi::Object object = Napi::Object::New(env);
		Napi::Array programs = Napi::Array::New(env);
		for (const ProgramInfo &program : open.programs()) {
			Napi::Object to = Napi::Object::New(env);
			to.Set("name", program.name);
			to.Set("section", program.section);
			to.Set("verifiedInsns", program.verified_insns);
			to.Set("jitedBytes", program.jited_bytes);
			programs.Set(programs.Length(), to);
		}
		object.Set("attach", open.direct() ? "direct" : "probe");
		object.Set("programs", programs);
		object.Set("log", open.log());
		object.Set("records", open.account_count());
		object.Set("mapBytes", static_cast<double>(open.map_bytes()));
		return object;
	}

	Napi::Value snapshot(const Napi::CallbackInfo &call)
	{
		SplitSnapshot from = splitter(call).snapshot();
		Napi::Env env = call.Env();
		const auto &rows = from.vcpus;
		Napi::Object vcpus = Napi::Object::New(env), clocks = Napi::Object::New(env),
			     waits = Napi::Object::New(env), to = Napi::Object::New(env);
		Napi::Array comms = Napi::Array::New(env, rows.size());
		Napi::Float64Array ns = Napi::Float64Array::New(env, rows.size() * kActivities);
		for (size_t i = 0; i < rows.size(); i++) {
			comms.Set(i, Napi::String::New(env, rows[i].comm));
			for (size_t k = 0; k < kActivities; k++)
				ns[i * kActivities + k] = rows[i].ns[k];
		}
		auto count = [&](const char *name, uint64_t SplitRow::*member) {
			clocks.Set(name, column<Napi::Float64Array>(env, rows,
								    [&](auto &row) { return row.*member; }));
		};
		vcpus.Set("tgid", column<Napi::Uint32Array>(env, rows, [](auto &row) { return row.tgid; }));
		vcpus.Set("tid", column<Napi::Uint32Array>(env, rows, [](auto &row) { return row.tid; }));
		vcpus.Set("vcpuId",
			  column<Napi::Int32Array>(env, rows, [](auto &row) { return row.vcpu_id; }));
		vcpus.Set("startNs",
			  column<Napi::Float64Array>(env, rows, [](auto &row) { return row.start_ns; }));
		vcpus.Set("ended", column<Napi::Uint8Array>(env, rows, [](auto &row) { return row.ended; }));
		vcpus.Set("comm", comms);
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
		to.Set("vcpus", vcpus);
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
