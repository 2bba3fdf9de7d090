// Attaches a program to what its section names, at the least cost to the events.
#ifndef ATTACH_H
#define ATTACH_H

#include <bpf/libbpf.h>

namespace vmexit
{

// As bpf_program__attach(): nullptr and errno if it fails.
bpf_link *attach(const bpf_program *program);

} // namespace vmexit

#endif
