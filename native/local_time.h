/* SPDX-License-Identifier: MIT */
// Local time as the C library has it.
#ifndef LOCAL_TIME_H
#define LOCAL_TIME_H

#include <napi.h>

namespace vmexit
{

// localTime(seconds since 1970) for the addon's exports: [year, month from 1, day, hour, minute, second,
// seconds east of UTC]; undefined where the C library has no local time for it.
Napi::Value local_time(const Napi::CallbackInfo &info);

} // namespace vmexit

#endif
