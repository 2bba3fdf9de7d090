/* SPDX-License-Identifier: MIT */
// Attaches a program to what its section names, at the least cost to the events.
#ifndef ATTACH_H
#define ATTACH_H

#include <cstdint>

#include <bpf/libbpf.h>

namespace vmexit
{

// As bpf_program__attach(): nullptr and errno if it fails.
bpf_link *attach(const bpf_program *program);

// Times that the kernel didn't run the program with this descriptor, as it was running on that CPU already
// or, on a tracepoint's record, other BPF work was under way there (since 6.12 at the latest); `known` where
// it doesn't say.
uint64_t missed_by(int program, uint64_t known = 0);

} // namespace vmexit

#endif
