// SPDX-License-Identifier: MIT
// The table of kinds, and where tracefs says that their words are.
#include "kinds.h"

#include <sstream>
#include <string>

#include "../kernel/fields.h"

// A macro of <cerrno>, and a field of kvm_userspace_exit.
#undef errno

namespace vmexit
{

#define ONE(name, id) id, id
#define EITHER(name, id, other_name, other_id) id, other_id
#define WORD(name, ...) {#__VA_ARGS__, false, true},
#define LONG(name, ...) {#__VA_ARGS__, false, true}, {#__VA_ARGS__, true, true},
#define READ(...) {#__VA_ARGS__, false, false},
#define READ_LONG(...) {#__VA_ARGS__, false, false}, {#__VA_ARGS__, true, false},
#define KIND(kind, option, tracepoint, written, words) {#tracepoint, written, {words}},
const Kind kKinds[TRACE_KINDS_COUNT] = {TRACE_KINDS(KIND)};

namespace
{

constexpr unsigned kWordBytes = 4;

// The first field that the tracepoint has, of names separated by ", ".
const Field *find(Formats &formats, const Kind &kind, const char *names)
{
	std::istringstream list(names);
	for (std::string name; std::getline(list >> std::ws, name, ',');)
		if (const Field *field = formats.find(kind.tracepoint, name))
			return field;
	return nullptr;
}

} // namespace

void place_words(bpf_program *program, Formats &formats, uint32_t number)
{
	const Kind &kind = kKinds[number];
	for_loads(program, TRACE_WORD, TRACE_WORDS, [&](bpf_insn &load) {
		const Word &word = kind.words[load.off - TRACE_WORD];
		const Field *field = find(formats, kind, word.fields);
		if (!field || (word.high && field->size <= kWordBytes))
			return make_constant(load, 0);
		Field half = *field;
		if (word.high) {
			half.offset += kWordBytes;
			half.size -= kWordBytes;
		}
		place_field(load, half, field_name(kind.tracepoint, word.fields));
	});
}

} // namespace vmexit
