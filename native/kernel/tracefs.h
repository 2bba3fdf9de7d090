/* SPDX-License-Identifier: MIT */
// What tracefs says of tracepoints: whether they are there, their numbers, the fields of their payloads.
#ifndef TRACEFS_H
#define TRACEFS_H

#include <map>
#include <string>

namespace vmexit
{

// True where tracefs lists the tracepoint kvm:EVENT.
bool has_event(const std::string &event);

// The number of tracepoint SYSTEM/EVENT in this kernel; -1 if tracefs doesn't list it.
int event_id(const std::string &tracepoint);

// A field of a payload, in bytes.
struct Field {
	unsigned offset, size;
	bool is_signed;
};

// The fields of the payloads of system kvm's tracepoints. Each `format` is read once.
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
