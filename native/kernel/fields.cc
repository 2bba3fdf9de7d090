// SPDX-License-Identifier: MIT
// Completes the programs' loads of payload fields: see bpf/contract/fields.h.
#include "fields.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace vmexit
{
namespace
{

struct Source {
	const char *event, *field;
	int64_t absent;
};

#define SOURCE(number, event, field, absent) {#event, #field, absent},
constexpr Source kSources[] = {PAYLOAD_FIELDS(SOURCE)};
#undef SOURCE

// A load's size in its code; -1 where there is none of so many bytes.
int size_code(unsigned bytes)
{
	switch (bytes) {
	case 1:
		return BPF_B;
	case 2:
		return BPF_H;
	case 4:
		return BPF_W;
	case 8:
		return BPF_DW;
	default:
		return -1;
	}
}

} // namespace

void make_constant(bpf_insn &load, int32_t value)
{
	int width = BPF_SIZE(load.code) == BPF_DW ? BPF_ALU64 : BPF_ALU;
	load.code = width | BPF_MOV | BPF_K;
	load.src_reg = 0;
	load.off = 0;
	load.imm = value;
}

void place_field(bpf_insn &load, const Field &field, const std::string &name)
{
	unsigned wanted = BPF_SIZE(load.code) == BPF_DW ? 8 : 4;
	// Of a longer field the low half, which comes first.
	unsigned bytes = std::min(field.size, wanted);
	int size = size_code(bytes);
	// Loads extend with zeros, and have to be aligned.
	if (size < 0 || field.offset % bytes || (field.is_signed && bytes < wanted))
		throw std::runtime_error("this version can't read " + name + ": " +
					 std::to_string(field.size) + " bytes at " +
					 std::to_string(field.offset));
	load.code = BPF_LDX | BPF_MEM | size;
	load.off = static_cast<int16_t>(field.offset);
}

std::string field_name(const std::string &event, const std::string &field)
{
	return "the field " + field + " of tracepoint " + event;
}

void for_loads(bpf_program *program, int first, int count, const std::function<void(bpf_insn &)> &complete)
{
	const bpf_insn *from = bpf_program__insns(program);
	std::vector<bpf_insn> instructions(from, from + bpf_program__insn_cnt(program));
	for (bpf_insn &instruction : instructions)
		if (BPF_CLASS(instruction.code) == BPF_LDX && BPF_MODE(instruction.code) == BPF_MEM &&
		    instruction.off >= first && instruction.off < first + count)
			complete(instruction);
	bpf_program__set_insns(program, instructions.data(), instructions.size());
}

bool PayloadFields::has(payload_field number)
{
	return formats_.find(kSources[number].event, kSources[number].field);
}

void PayloadFields::know(payload_field number, int32_t value)
{
	known_[number] = value;
}

void PayloadFields::complete(bpf_insn &load)
{
	int number = load.off - PAYLOAD_FIELD;
	if (auto known = known_.find(number); known != known_.end())
		return make_constant(load, known->second);
	const Source &source = kSources[number];
	const Field *field = formats_.find(source.event, source.field);
	if (!field && source.absent == PAYLOAD_REQUIRED)
		throw std::runtime_error("this kernel's tracefs doesn't tell " +
					 field_name(source.event, source.field));
	if (!field)
		return make_constant(load, static_cast<int32_t>(source.absent));
	place_field(load, *field, field_name(source.event, source.field));
}

void PayloadFields::put_into(bpf_program *program)
{
	for_loads(program, PAYLOAD_FIELD, PAYLOAD_FIELD_COUNT, [&](bpf_insn &load) { complete(load); });
}

} // namespace vmexit
