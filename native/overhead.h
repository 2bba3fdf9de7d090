/* SPDX-License-Identifier: MIT */
// What this process's BPF programs cost: the kernel's run time statistics, for JavaScript.
#ifndef OVERHEAD_H
#define OVERHEAD_H

#include <napi.h>

namespace vmexit
{

// enableRunStatistics(): a file descriptor; the kernel keeps statistics of all programs until it is closed.
Napi::Value enable_run_statistics(const Napi::CallbackInfo &info);

// runStatistics(): {name, runNs, runCount, verifiedInsns, jitedBytes} of each BPF program that this process
// holds.
Napi::Value run_statistics(const Napi::CallbackInfo &info);

} // namespace vmexit

#endif
