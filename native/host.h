/* SPDX-License-Identifier: MIT */
// The Node-API face of what TypeScript found out of this host.
#ifndef HOST_H
#define HOST_H

#include <napi.h>

namespace vmexit
{

// describeHost({tracefs, module, isa}): said on each thread before objects are made there.
Napi::Value describe_host(const Napi::CallbackInfo &info);

// support(maxVcpus) after describeHost(): what the programs would do here, without loading any. {addon and
// libbpf: their versions, obstacle: why they can't attach directly, or undefined, memory: bytes of the maps
// of {counts, details, histograms, split}}.
Napi::Value support(const Napi::CallbackInfo &info);

} // namespace vmexit

#endif
