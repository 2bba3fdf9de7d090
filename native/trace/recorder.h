// The recorder: loads the programs that write events into the CPUs' rings, and hands the events over as
// kvmtrace's records.
#ifndef RECORDER_H
#define RECORDER_H

#include <napi.h>

namespace vmexit
{

// The class Recorder for JavaScript.
Napi::Function define_recorder(Napi::Env env);

// The recorder's encoding by itself, for tests.
Napi::Function define_encode_rings(Napi::Env env);

} // namespace vmexit

#endif
