/* SPDX-License-Identifier: MIT */
// The Node-API face of the recorder.
#ifndef TRACE_BINDING_H
#define TRACE_BINDING_H

#include <napi.h>

namespace vmexit
{

// The class Recorder for JavaScript.
Napi::Function define_recorder(Napi::Env env);

// The recorder's encoding by itself, for tests.
Napi::Function define_encode_rings(Napi::Env env);

} // namespace vmexit

#endif
