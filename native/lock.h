/* SPDX-License-Identifier: MIT */
// A lock on a file that ends with the process, for JavaScript: Node has none.
#ifndef LOCK_H
#define LOCK_H

#include <napi.h>

namespace vmexit
{

// lockFile(descriptor): whether the file is locked for this process from here on; false if another has it.
Napi::Value lock_file(const Napi::CallbackInfo &info);

} // namespace vmexit

#endif
