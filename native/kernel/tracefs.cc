// SPDX-License-Identifier: MIT
// What tracefs says of tracepoints: whether they are there, their numbers, the fields of their payloads.
#include "tracefs.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sys/stat.h>

#include "../../bpf/contract/isa.h"
#include "this_host.h"

namespace vmexit
{
namespace
{

bool exists(const std::string &path)
{
	struct stat status;
	return stat(path.c_str(), &status) == 0;
}

// The folder of tracepoint SYSTEM/EVENT; "" if there is none.
std::string event_folder(const std::string &tracepoint)
{
	if (this_host().tracefs.empty())
		return "";
	std::string folder = this_host().tracefs + "/events/" + tracepoint;
	return exists(folder) ? folder : "";
}

std::map<std::string, Field> read_format(const std::string &event)
{
	std::map<std::string, Field> fields;
	std::ifstream format(event_folder(tracepoint_of(event)) + "/format");
	for (std::string line; std::getline(format, line);) {
		// "	field:unsigned int vcpu_id;	offset:76;	size:4;	signed:0;"
		size_t end = line.find(';');
		if (line.find("field:") == std::string::npos || end == std::string::npos)
			continue;
		size_t name = line.find_last_of(" \t*", end) + 1;
		Field field = {};
		int is_signed = 0;
		if (sscanf(line.c_str() + end, ";%*[ \t]offset:%u;%*[ \t]size:%u;%*[ \t]signed:%d;",
			   &field.offset, &field.size, &is_signed) != 3)
			continue;
		field.is_signed = is_signed;
		fields.emplace(line.substr(name, end - name), field);
	}
	return fields;
}

} // namespace

std::string tracepoint_of(const std::string &event)
{
	if (this_host().isa_number == ISA_PPC64 && event == "kvm_exit")
		return "kvm_hv/kvm_guest_exit";
	if (this_host().isa_number == ISA_PPC64 && event == "kvm_entry")
		return "kvm_hv/kvm_guest_enter";
	return "kvm/" + event;
}

bool has_event(const std::string &event)
{
	return !event_folder(tracepoint_of(event)).empty();
}

int event_id(const std::string &tracepoint)
{
	std::ifstream file(event_folder(tracepoint) + "/id");
	int id;
	return file >> id ? id : -1;
}

const Field *Formats::find(const std::string &event, const std::string &field)
{
	auto known = events_.find(event);
	if (known == events_.end())
		known = events_.emplace(event, read_format(event)).first;
	auto found = known->second.find(field);
	return found == known->second.end() ? nullptr : &found->second;
}

} // namespace vmexit
