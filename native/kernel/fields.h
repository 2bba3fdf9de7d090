/* SPDX-License-Identifier: MIT */
// Completes the programs' loads of payload fields: see bpf/contract/fields.h.
#ifndef FIELDS_CC_H
#define FIELDS_CC_H

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <bpf/libbpf.h>

#include "../../bpf/contract/fields.h"
#include "tracefs.h"

namespace vmexit
{

// Calls `complete` for each load of a program whose offset is one of `count` from `first` on. Between opening
// and loading.
void for_loads(bpf_program *program, int first, int count, const std::function<void(bpf_insn &)> &complete);
// Makes a load one of a field, of which it takes the low half if it is too short. Throws std::runtime_error,
// with `name`, where programs can't read the field.
void place_field(bpf_insn &load, const Field &field, const std::string &name);
// Makes a load a constant.
void make_constant(bpf_insn &load, int32_t value);
// What messages call a field.
std::string field_name(const std::string &event, const std::string &field);

class PayloadFields
{
public:
	// Whether this kernel's tracepoint has the field.
	bool has(payload_field number);
	// Programs take this for the field's value, and don't read it.
	void know(payload_field number, int32_t value);
	// Between opening and loading. Throws std::runtime_error with a message for the user where the
	// program reads a field that it can't do without, or that isn't as programs can read it.
	void put_into(bpf_program *program);

private:
	void complete(bpf_insn &load);

	Formats formats_;
	std::map<int, int32_t> known_;
};

} // namespace vmexit

#endif
