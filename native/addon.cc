// SPDX-License-Identifier: MIT
// The Node-API face of a tracing session: guards types and state, turns snapshots into columns, throws for
// misuse.
#include <napi.h>

#include <cstring>
#include <stdexcept>

#include "stat/binding.h"
#include "host.h"
#include "local_time.h"
#include "lock.h"
#include "overhead.h"
#include "privileges.h"
#include "split/binding.h"
#include "trace/binding.h"
#include "session_values.h"
#include "vmexit/session.h"

namespace
{

using vmexit::boolean;
using vmexit::column;
using vmexit::numbers;
using vmexit::Options;
using vmexit::Session;
using vmexit::whole_number;

vmexit::Attach attach_mode(const Napi::Value &value)
{
	std::string mode = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
	if (mode == "auto")
		return vmexit::Attach::Auto;
	if (mode == "direct")
		return vmexit::Attach::Direct;
	if (mode == "raw")
		return vmexit::Attach::Raw;
	if (mode == "record")
		return vmexit::Attach::Record;
	throw Napi::TypeError::New(value.Env(), "attach must be auto, direct, raw or record");
}

const char *name_of(vmexit::Attach way)
{
	return way == vmexit::Attach::Direct ? "direct" : way == vmexit::Attach::Raw ? "raw" : "record";
}

Options read_options(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	Napi::Object object = vmexit::options_object(info);
	Options options;
	vmexit::read_shared_options(object, options);
	Napi::Value slow = object.Get("slowNs");
	options.attach = attach_mode(object.Get("attach"));
	options.timing = boolean(object, "timing");
	options.histograms = boolean(object, "histograms");
	options.details = boolean(object, "details");
	if (!object.Get("net").IsUndefined())
		options.net = boolean(object, "net");
	if (!object.Get("reflected").IsUndefined())
		options.reflected = boolean(object, "reflected");
	if (!object.Get("returns").IsUndefined())
		options.returns = boolean(object, "returns");
	if (!slow.IsUndefined()) {
		double ns = slow.IsNumber() ? slow.As<Napi::Number>().DoubleValue() : -1;
		// 2^53: where doubles stop being exact.
		if (!(ns >= 0 && ns <= 9007199254740992.0))
			throw Napi::TypeError::New(env, "slowNs must be a number from 0 to 2^53");
		options.slow = true;
		options.slow_ns = static_cast<uint64_t>(ns);
	}
	if ((options.histograms || options.slow) && !options.timing)
		throw Napi::TypeError::New(env, "histograms and slowNs need timing");
	if (options.details && !options.timing)
		throw Napi::TypeError::New(env, "details need timing");
	if (options.attach == vmexit::Attach::Raw &&
	    ((options.details && !options.slow) || options.net || options.reflected || options.returns))
		throw Napi::TypeError::New(env, "raw has no details, net, reflected or returns");
	if (options.returns && (!options.timing || options.slow || options.reflected))
		throw Napi::TypeError::New(env, "returns need timing, and have no slowNs and no reflected");
	if (numbers(object, "onlyReasons", MAX_REASONS, 0, options.reasons))
		options.reasons_mode = VMEXIT_REASONS_ONLY;
	else if (numbers(object, "butReasons", MAX_REASONS, 0, options.reasons))
		options.reasons_mode = VMEXIT_REASONS_EXCEPT;
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
				       InstanceMethod<&Binding::take_events>("takeEvents"),
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
		return vmexit::info_value(call.Env(), open, name_of(open.way()));
	}

	Napi::Value snapshot(const Napi::CallbackInfo &call)
	{
		vmexit::Snapshot from = session(call).snapshot();
		Napi::Env env = call.Env();
		Napi::Object slots = Napi::Object::New(env), buckets = Napi::Object::New(env),
			     lost = Napi::Object::New(env), to = Napi::Object::New(env);
		slots.Set("vcpu",
			  column<Napi::Uint32Array>(env, from.slots, [](auto &row) { return row.vcpu; }));
		slots.Set("isa",
			  column<Napi::Uint8Array>(env, from.slots, [](auto &row) { return row.key.isa; }));
		slots.Set("level",
			  column<Napi::Uint8Array>(env, from.slots, [](auto &row) { return row.key.level; }));
		slots.Set("reason", column<Napi::Uint32Array>(env, from.slots,
							      [](auto &row) { return row.key.reason; }));
		slots.Set("timed",
			  column<Napi::Uint8Array>(env, from.slots, [](auto &row) { return row.key.timed; }));
		slots.Set("reflected", column<Napi::Uint8Array>(env, from.slots,
								[](auto &row) { return row.key.reflected; }));
		slots.Set("count",
			  column<Napi::Float64Array>(env, from.slots, [](auto &row) { return row.count; }));
		slots.Set("totalNs", column<Napi::Float64Array>(env, from.slots,
								[](auto &row) { return row.total_ns; }));
		slots.Set("maxNs",
			  column<Napi::Float64Array>(env, from.slots, [](auto &row) { return row.max_ns; }));
		if (session(call).details()) {
			slots.Set("detailState", column<Napi::Uint8Array>(env, from.slots, [](auto &row) {
					  return static_cast<uint8_t>(row.key.detail);
				  }));
			slots.Set("detail", column<Napi::BigUint64Array>(
						env, from.slots, [](auto &row) { return row.detail; }));
		}
		buckets.Set("slot",
			    column<Napi::Uint32Array>(env, from.buckets, [](auto &row) { return row.slot; }));
		buckets.Set("bucket", column<Napi::Uint8Array>(env, from.buckets,
							       [](auto &row) { return row.bucket; }));
		buckets.Set("count", column<Napi::Float64Array>(env, from.buckets,
								[](auto &row) { return row.count; }));
#define SET_LOSS(counter, name) lost.Set(#name, static_cast<double>(from.losses.counter));
		VMEXIT_LOSSES(SET_LOSS)
#undef SET_LOSS
		lost.Set("missedEvents", static_cast<double>(from.missed));
		to.Set("vcpus", vmexit::vcpu_columns(env, from.vcpus));
		to.Set("slots", slots);
		to.Set("buckets", buckets);
		to.Set("lost", lost);
		return to;
	}

	Napi::Value take_events(const Napi::CallbackInfo &call)
	{
		Session &open = session(call);
		std::vector<vmexit_event> events =
		    open.take_events(whole_number(call[0], "most", 1, UINT32_MAX));
		Napi::Env env = call.Env();
		Napi::Array list = Napi::Array::New(env, events.size());
		for (size_t i = 0; i < events.size(); i++) {
			const vmexit_event &event = events[i];
			Napi::Object to = Napi::Object::New(env);
			vmexit::Key key(event.key);
			auto number = [&](const char *name, double value) { to.Set(name, value); };
			number("isa", key.isa);
			number("level", key.level);
			number("reason", key.reason);
			number("ns", event.ns);
			number("entryNs", event.entry_ns);
			number("startNs", event.start_ns);
			number("tgid", event.tgid);
			number("tid", event.tid);
			number("vcpuId", event.vcpu_id);
			to.Set("comm", std::string(event.comm, strnlen(event.comm, VMEXIT_COMM)));
			// Addresses and error codes take all 64 bits.
			to.Set("rip", Napi::BigInt::New(env, uint64_t{event.rip}));
			if (key.detail == vmexit::DetailState::Known)
				to.Set("detail", Napi::BigInt::New(env, uint64_t{event.detail}));
			list.Set(i, to);
		}
		return list;
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
	exports.Set("Splitter", vmexit::define_splitter(env));
	exports.Set("Recorder", vmexit::define_recorder(env));
	exports.Set("encodeRings", vmexit::define_encode_rings(env));
	exports.Set("describeHost", Napi::Function::New(env, vmexit::describe_host));
	exports.Set("support", Napi::Function::New(env, vmexit::support));
	exports.Set("localTime", Napi::Function::New(env, vmexit::local_time));
	exports.Set("lockFile", Napi::Function::New(env, vmexit::lock_file));
	exports.Set("dropPrivileges", Napi::Function::New(env, vmexit::drop_privileges));
	exports.Set("enableRunStatistics", Napi::Function::New(env, vmexit::enable_run_statistics));
	exports.Set("runStatistics", Napi::Function::New(env, vmexit::run_statistics));
	return exports;
}

} // namespace

NODE_API_MODULE(vmexit, initialise)
