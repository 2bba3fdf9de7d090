// SPDX-License-Identifier: MIT
// Local time as the C library has it: Node's own follows ICU, which knows neither POSIX time zones
// (TZ=IST-5:30) nor the rules in a plain file /etc/localtime.
#include "local_time.h"

#include <cmath>
#include <ctime>

namespace vmexit
{

// time_t has 64 bits, and numbers are exact up to 2^53.
constexpr double kMaxSeconds = 9007199254740992;

Napi::Value local_time(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	double seconds =
	    info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : NAN;
	if (!(std::abs(seconds) <= kMaxSeconds) || seconds != std::floor(seconds))
		throw Napi::TypeError::New(env, "the time must be a whole number of seconds");
	// localtime_r() looks once only; TZ and /etc/localtime may change while a log is written.
	tzset();
	time_t time = static_cast<time_t>(seconds);
	tm local = {};
	if (!localtime_r(&time, &local))
		return env.Undefined();
	const double fields[] = {local.tm_year + 1900.0,
				 local.tm_mon + 1.0,
				 static_cast<double>(local.tm_mday),
				 static_cast<double>(local.tm_hour),
				 static_cast<double>(local.tm_min),
				 static_cast<double>(local.tm_sec),
				 static_cast<double>(local.tm_gmtoff)};
	Napi::Array to = Napi::Array::New(env, std::size(fields));
	for (uint32_t i = 0; i < std::size(fields); i++)
		to.Set(i, fields[i]);
	return to;
}

} // namespace vmexit
