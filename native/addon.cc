// The Node-API face of a tracing session: guards types and state, turns snapshots into columns, throws for
// misuse.
#include <napi.h>

#include <stdexcept>

#include "counters_addon.h"
#include "session.h"

namespace
{

using vmexit::Options;
using vmexit::Session;

// A typed array filled by `get(row)` for each row.
template <typename Array, typename Rows, typename Get> Array column(Napi::Env env, const Rows &rows, Get get)
{
	Array array = Array::New(env, rows.size());
	for (size_t i = 0; i < rows.size(); i++)
		array[i] = get(rows[i]);
	return array;
}

uint32_t positive_integer(const Napi::Value &value, const char *name)
{
	double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
	if (!(number >= 1 && number <= UINT32_MAX) || number != static_cast<uint32_t>(number))
		throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a positive integer");
	return static_cast<uint32_t>(number);
}

Options read_options(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	if (info.Length() < 1 || !info[0].IsObject())
		throw Napi::TypeError::New(env, "options must be an object");
	Napi::Object object = info[0].As<Napi::Object>();
	Options options;
	Napi::Value path = object.Get("object"), attach = object.Get("attach"), timing = object.Get("timing"),
		    pids = object.Get("pids");
	if (!path.IsString())
		throw Napi::TypeError::New(env, "object must be a string");
	options.object = path.As<Napi::String>().Utf8Value();
	std::string mode = attach.IsString() ? attach.As<Napi::String>().Utf8Value() : "";
	if (mode != "auto" && mode != "direct" && mode != "record")
		throw Napi::TypeError::New(env, "attach must be auto, direct or record");
	options.attach = mode == "auto"     ? vmexit::Attach::Auto
			 : mode == "direct" ? vmexit::Attach::Direct
					    : vmexit::Attach::Record;
	if (!timing.IsBoolean())
		throw Napi::TypeError::New(env, "timing must be a boolean");
	options.timing = timing.As<Napi::Boolean>();
	options.max_vcpus = positive_integer(object.Get("maxVcpus"), "maxVcpus");
	if (options.max_vcpus > VMEXIT_MAX_VCPUS)
		throw Napi::RangeError::New(env,
					    "maxVcpus must be at most " + std::to_string(VMEXIT_MAX_VCPUS));
	if (pids.IsUndefined())
		return options;
	if (!pids.IsArray())
		throw Napi::TypeError::New(env, "pids must be an array");
	Napi::Array list = pids.As<Napi::Array>();
	if (list.Length() > VMEXIT_MAX_PIDS)
		throw Napi::RangeError::New(env, "pids must be at most " + std::to_string(VMEXIT_MAX_PIDS));
	options.filter_pids = true;
	for (uint32_t i = 0; i < list.Length(); i++)
		options.pids.push_back(positive_integer(list.Get(i), "each of pids"));
	return options;
}

class Binding : public Napi::ObjectWrap<Binding>
{
      public:
	static Napi::Function define(Napi::Env env)
	{
		return DefineClass(env, "Session",
				   {
				       InstanceMethod<&Binding::info>("info"),
				       InstanceMethod<&Binding::snapshot>("snapshot"),
				       InstanceMethod<&Binding::stop>("stop"),
				       InstanceMethod<&Binding::close>("close"),
				   });
	}

	explicit Binding(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Binding>(info)
	{
		Options options = read_options(info);
		try {
			session_ = std::make_unique<Session>(options);
		} catch (const std::exception &error) {
			throw Napi::Error::New(info.Env(), error.what());
		}
	}

      private:
	Session &session(const Napi::CallbackInfo &info)
	{
		if (!session_)
			throw Napi::Error::New(info.Env(), "the session is closed");
		return *session_;
	}

	Napi::Value info(const Napi::CallbackInfo &call)
	{
		Session &open = session(call);
		Napi::Env env = call.Env();
		Napi::Object object = Napi::Object::New(env);
		Napi::Array programs = Napi::Array::New(env);
		for (const std::string &name : open.programs())
			programs.Set(programs.Length(), name);
		object.Set("attach", open.direct() ? "direct" : "record");
		object.Set("programs", programs);
		object.Set("log", open.log());
		object.Set("records", open.record_count());
		object.Set("recordBytes", static_cast<double>(sizeof(vmexit_record)));
		return object;
	}

	Napi::Value snapshot(const Napi::CallbackInfo &call)
	{
		vmexit::Snapshot from = session(call).snapshot();
		Napi::Env env = call.Env();
		Napi::Object vcpus = Napi::Object::New(env), slots = Napi::Object::New(env),
			     lost = Napi::Object::New(env), to = Napi::Object::New(env);
		Napi::Array comms = Napi::Array::New(env, from.vcpus.size());
		for (size_t i = 0; i < from.vcpus.size(); i++)
			comms.Set(i, Napi::String::New(env, from.vcpus[i].comm));
		vcpus.Set("tgid",
			  column<Napi::Uint32Array>(env, from.vcpus, [](auto &row) { return row.tgid; }));
		vcpus.Set("tid",
			  column<Napi::Uint32Array>(env, from.vcpus, [](auto &row) { return row.tid; }));
		vcpus.Set("vcpuId",
			  column<Napi::Int32Array>(env, from.vcpus, [](auto &row) { return row.vcpu_id; }));
		vcpus.Set("startNs", column<Napi::Float64Array>(env, from.vcpus,
								[](auto &row) { return row.start_ns; }));
		vcpus.Set("ended",
			  column<Napi::Uint8Array>(env, from.vcpus, [](auto &row) { return row.ended; }));
		vcpus.Set("comm", comms);
		slots.Set("vcpu",
			  column<Napi::Uint32Array>(env, from.slots, [](auto &row) { return row.vcpu; }));
		slots.Set("isa",
			  column<Napi::Uint8Array>(env, from.slots, [](auto &row) { return row.isa; }));
		slots.Set("level",
			  column<Napi::Uint8Array>(env, from.slots, [](auto &row) { return row.level; }));
		slots.Set("timed",
			  column<Napi::Uint8Array>(env, from.slots, [](auto &row) { return row.timed; }));
		slots.Set("reason",
			  column<Napi::Uint32Array>(env, from.slots, [](auto &row) { return row.reason; }));
		slots.Set("count",
			  column<Napi::Float64Array>(env, from.slots, [](auto &row) { return row.count; }));
		slots.Set("totalNs", column<Napi::Float64Array>(env, from.slots,
								[](auto &row) { return row.total_ns; }));
		slots.Set("maxNs",
			  column<Napi::Float64Array>(env, from.slots, [](auto &row) { return row.max_ns; }));
		lost.Set("recordsFull", static_cast<double>(from.health.records_full));
		lost.Set("slotsFull", static_cast<double>(from.health.slots_full));
		lost.Set("missedEvents", static_cast<double>(from.missed));
		to.Set("vcpus", vcpus);
		to.Set("slots", slots);
		to.Set("lost", lost);
		return to;
	}

	Napi::Value stop(const Napi::CallbackInfo &call)
	{
		session(call).stop();
		return call.Env().Undefined();
	}

	// Closing twice is no fault: a tool closes on every way out.
	Napi::Value close(const Napi::CallbackInfo &call)
	{
		session_.reset();
		return call.Env().Undefined();
	}

	std::unique_ptr<Session> session_;
};

Napi::Object initialise(Napi::Env env, Napi::Object exports)
{
	exports.Set("Session", Binding::define(env));
	exports.Set("Counters", vmexit::define_counters(env));
	return exports;
}

} // namespace

NODE_API_MODULE(vmexit, initialise)
