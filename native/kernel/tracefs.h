/* SPDX-License-Identifier: MIT */
// What tracefs says of tracepoints: whether they are there, their numbers, the fields of their payloads.
#ifndef TRACEFS_H
#define TRACEFS_H

#include <map>
#include <string>

namespace vmexit
{

// Where KVM has its tracepoint EVENT, SYSTEM/NAME: of KVM HV, kvm_exit and kvm_entry have other ones.
std::string tracepoint_of(const std::string &event);

// True where tracefs lists KVM's tracepoint EVENT.
bool has_event(const std::string &event);

// The number of tracepoint SYSTEM/EVENT in this kernel; -1 if tracefs doesn't list it.
int event_id(const std::string &tracepoint);

// A field of a payload, in bytes.
struct Field {
	unsigned offset, size;
	bool is_signed;
};

// The fields of the payloads of KVM's tracepoints. Each `format` is read once.
class Formats
{
public:
	// Null where the tracepoint, or a field of that name in it, isn't there.
	const Field *find(const std::string &event, const std::string &field);

private:
	std::map<std::string, std::map<std::string, Field>> events_;
};

} // namespace vmexit

#endif
