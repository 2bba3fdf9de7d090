// Completes the programs' loads of payload fields: see bpf/contract/fields.h.
#ifndef FIELDS_CC_H
#define FIELDS_CC_H

#include <cstdint>
#include <map>

#include <bpf/libbpf.h>

#include "../../bpf/contract/fields.h"
#include "tracefs.h"

namespace vmexit
{

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
