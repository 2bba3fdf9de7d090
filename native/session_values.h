/* SPDX-License-Identifier: MIT */
// What objects that keep accounts of vCPUs have in common for JavaScript: options, facts, columns.
#ifndef SESSION_VALUES_H
#define SESSION_VALUES_H

#include <napi.h>

#include "../bpf/contract/limits.h"
#include "kernel/programs.h"
#include "values.h"

namespace vmexit
{

// The object in which options are.
inline Napi::Object options_object(const Napi::CallbackInfo &info)
{
	if (info.Length() < 1 || !info[0].IsObject())
		throw Napi::TypeError::New(info.Env(), "options must be an object");
	return info[0].As<Napi::Object>();
}

// The path of the BPF object, how many vCPUs, and which.
template <typename Options> inline void read_shared_options(const Napi::Object &object, Options &options)
{
	Napi::Value path = object.Get("object");
	if (!path.IsString())
		throw Napi::TypeError::New(object.Env(), "object must be a string");
	options.object = path.As<Napi::String>().Utf8Value();
	options.max_vcpus = whole_number(object.Get("maxVcpus"), "maxVcpus", 1, MAX_VCPUS);
	options.filter_pids = numbers(object, "pids", MAX_PIDS, 1, options.pids);
	options.filter_vcpus = numbers(object, "vcpuIds", MAX_VCPU_IDS, 0, options.vcpu_ids);
}

// What is loaded, how it attached, and what it takes.
template <typename Open> inline Napi::Object info_value(Napi::Env env, const Open &open, const char *attach)
{
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
	object.Set("attach", attach);
	object.Set("programs", programs);
	object.Set("log", open.log());
	object.Set("records", open.account_count());
	object.Set("mapBytes", static_cast<double>(open.map_bytes()));
	return object;
}

// Which vCPUs the rows are of.
template <typename Rows> inline Napi::Object vcpu_columns(Napi::Env env, const Rows &rows)
{
	Napi::Object vcpus = Napi::Object::New(env);
	Napi::Array comms = Napi::Array::New(env, rows.size());
	for (size_t i = 0; i < rows.size(); i++)
		comms.Set(i, Napi::String::New(env, rows[i].comm));
	vcpus.Set("tgid", column<Napi::Uint32Array>(env, rows, [](auto &row) { return row.tgid; }));
	vcpus.Set("tid", column<Napi::Uint32Array>(env, rows, [](auto &row) { return row.tid; }));
	vcpus.Set("vcpuId", column<Napi::Int32Array>(env, rows, [](auto &row) { return row.vcpu_id; }));
	vcpus.Set("startNs", column<Napi::Float64Array>(env, rows, [](auto &row) { return row.start_ns; }));
	vcpus.Set("ended", column<Napi::Uint8Array>(env, rows, [](auto &row) { return row.ended; }));
	vcpus.Set("comm", comms);
	return vcpus;
}

} // namespace vmexit

#endif
