// What the running kernel offers the programs: asked of its BTF and of tracefs, never of its version.
#ifndef KERNEL_H
#define KERNEL_H

#include <optional>
#include <string>

namespace vmexit
{

// The module that drives the CPU's virtualisation, and the name of its part in the BPF object.
struct Vendor {
	const char *module;
	const char *exit_program;
	const char *vcpu_struct;
};

// The vendor module that is loaded; nullptr if neither or if KVM is not split by vendors (arm64).
const Vendor *loaded_vendor();

// Why the direct programs can't be used here, or nothing if they can.
std::optional<std::string> direct_obstacle();

// Byte offset of a field in the record of tracepoint kvm:EVENT, from tracefs; 0 if it has no such field.
unsigned field_offset(const std::string &event, const std::string &field);
// Its length.
unsigned field_bytes(const std::string &event, const std::string &field);

// True where tracefs lists the tracepoint kvm:EVENT.
bool has_event(const std::string &event);

} // namespace vmexit

#endif
