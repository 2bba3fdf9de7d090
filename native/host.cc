// SPDX-License-Identifier: MIT
// The Node-API face of what TypeScript found out of this host.
#include "host.h"

#include <bpf/libbpf.h>

#include "kernel/support.h"
#include "kernel/this_host.h"
#include "split/splitter.h"
#include "vmexit/session.h"

// Of a macro's value.
#define TEXT_OF(macro) TEXT(macro)
#define TEXT(value) #value

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
	Napi::Value number = object.Get("isaNumber");
	if (!number.IsNumber())
		throw Napi::TypeError::New(env, "isaNumber must be a number");
	host.isa_number = number.As<Napi::Number>().Uint32Value();
	set_host(host);
	return env.Undefined();
}

Napi::Value support(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	double vcpus = info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
	if (!(vcpus >= 1 && vcpus <= MAX_VCPUS))
		throw Napi::TypeError::New(env, "maxVcpus must be a number from 1 to " +
						    std::to_string(MAX_VCPUS));
	std::unique_ptr<KernelBtf> vmlinux = KernelBtf::read("vmlinux");
	DirectSupport direct = direct_support(vmlinux.get());
	uint32_t max_vcpus = static_cast<uint32_t>(vcpus);
	Napi::Object to = Napi::Object::New(env);
	to.Set("addon", TEXT_OF(VMEXIT_VERSION));
	to.Set("libbpf", libbpf_version_string());
	if (direct.obstacle) {
		to.Set("obstacle", *direct.obstacle);
		if (DirectSupport raw = raw_support(vmlinux.get()); raw.obstacle)
			to.Set("rawObstacle", *raw.obstacle);
	}
	Napi::Object memory = Napi::Object::New(env);
	Options options;
	options.max_vcpus = max_vcpus;
	memory.Set("counts", static_cast<double>(session_bytes(options)));
	options.details = true;
	memory.Set("details", static_cast<double>(session_bytes(options)));
	options.details = false;
	options.histograms = true;
	memory.Set("histograms", static_cast<double>(session_bytes(options)));
	memory.Set("split", static_cast<double>(splitter_bytes(max_vcpus)));
	to.Set("memory", memory);
	return to;
}

} // namespace vmexit
