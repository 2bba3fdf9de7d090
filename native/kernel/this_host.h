/* SPDX-License-Identifier: MIT */
// What TypeScript found out of this host (src/host/machine.ts), which decides for both languages.
#ifndef THIS_HOST_H
#define THIS_HOST_H

#include <cstdint>
#include <string>

namespace vmexit
{

// All "" until it is set: then there are no tracepoints and no vendor.
struct Host {
	// Where tracefs is.
	std::string tracefs;
	// The module that drives KVM.
	std::string module;
	// The instruction set of kvm_exit's codes, as in the names of BPF programs, and its number.
	std::string isa;
	uint32_t isa_number = 0;
};

// Of this thread: each of Node's threads has its own loop and its own objects.
void set_host(const Host &host);
const Host &this_host();

} // namespace vmexit

#endif
