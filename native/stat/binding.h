/* SPDX-License-Identifier: MIT */
// The Node-API face of the tracepoint counters.
#ifndef COUNTERS_ADDON_H
#define COUNTERS_ADDON_H

#include <napi.h>

namespace vmexit
{

// The constructor of class Counters, for the addon's exports.
Napi::Function define_counters(Napi::Env env);

} // namespace vmexit

#endif
