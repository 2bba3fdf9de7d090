// The Node-API face of what TypeScript found out of this host.
#include "host.h"

#include "kernel/this_host.h"

namespace vmexit
{

Napi::Value describe_host(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	if (info.Length() < 1 || !info[0].IsObject())
		throw Napi::TypeError::New(env, "the host must be an object");
	Napi::Object object = info[0].As<Napi::Object>();
	auto text = [&](const char *name) {
		Napi::Value value = object.Get(name);
		if (!value.IsString())
			throw Napi::TypeError::New(env, std::string(name) + " must be a string");
		return value.As<Napi::String>().Utf8Value();
	};
	// Read whole before any of it counts.
	Host host = {text("tracefs"), text("module"), text("isa")};
	set_host(host);
	return env.Undefined();
}

} // namespace vmexit
