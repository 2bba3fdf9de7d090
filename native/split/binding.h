/* SPDX-License-Identifier: MIT */
// The Node-API face of the programs that split vCPUs' time.
#ifndef SPLIT_BINDING_H
#define SPLIT_BINDING_H

#include <napi.h>

namespace vmexit
{

// The constructor of class Splitter, for the addon's exports.
Napi::Function define_splitter(Napi::Env env);

} // namespace vmexit

#endif
