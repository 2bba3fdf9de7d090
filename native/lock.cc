// SPDX-License-Identifier: MIT
// flock(2): the lock belongs to the open file, so a crash frees it.
#include "lock.h"

#include <cerrno>
#include <cstring>
#include <sys/file.h>

namespace vmexit
{

Napi::Value lock_file(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	if (info.Length() < 1 || !info[0].IsNumber())
		throw Napi::TypeError::New(env, "descriptor must be a number");
	if (flock(info[0].As<Napi::Number>(), LOCK_EX | LOCK_NB) == 0)
		return Napi::Boolean::New(env, true);
	if (errno == EWOULDBLOCK)
		return Napi::Boolean::New(env, false);
	throw Napi::Error::New(env, strerror(errno));
}

} // namespace vmexit
