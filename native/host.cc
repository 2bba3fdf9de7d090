// SPDX-License-Identifier: MIT
// The Node-API face of what TypeScript found out of this host.
#include "host.h"

#include <bpf/libbpf.h>

#include "kernel/support.h"
#include "kernel/this_host.h"
#include "vmexit/session.h"

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
	to.Set("libbpf", libbpf_version_string());
	if (direct.obstacle)
		to.Set("obstacle", *direct.obstacle);
	to.Set("countBytes", static_cast<double>(session_bytes(max_vcpus, false)));
	to.Set("histogramBytes", static_cast<double>(session_bytes(max_vcpus, true)));
	return to;
}

} // namespace vmexit
