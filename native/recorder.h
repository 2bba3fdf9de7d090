// The recorder: loads the programs that write events into a ring buffer, and hands the events over in
// batches.
#ifndef RECORDER_H
#define RECORDER_H

#include <napi.h>

namespace vmexit
{

// The class Recorder for JavaScript.
Napi::Function define_recorder(Napi::Env env);

} // namespace vmexit

#endif
