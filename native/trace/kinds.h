/* SPDX-License-Identifier: MIT */
// What is recorded of each kind of event, by the lists of bpf/contract/kinds.h.
#ifndef TRACE_KINDS_H
#define TRACE_KINDS_H

#include <cstdint>

#include <bpf/libbpf.h>

#include "../../bpf/contract/trace.h"
#include "../kernel/tracefs.h"

namespace vmexit
{

// Ids of records.
enum trace_record : uint32_t {
#define ONE(name, id) TRACE_RECORD_##name = id,
#define EITHER(name, id, other_name, other_id) TRACE_RECORD_##name = id, TRACE_RECORD_##other_name = other_id,
#define KIND(kind, option, tracepoint, written, words) written
#define MADE(name, id, words) TRACE_RECORD_##name = id,
	TRACE_KINDS(KIND) TRACE_MADE(MADE) TRACE_NOTES(MADE)
#undef ONE
#undef EITHER
#undef KIND
#undef MADE
};

// A word of an event. `fields` has the names of the tracepoint's field, separated by ", "; nullptr: the kind
// has no more words.
struct Word {
	const char *fields;
	bool high, written;
};

struct Kind {
	const char *tracepoint;
	// Where the two differ, the first word chooses the record: the second one if it isn't 0.
	uint32_t record, other_record;
	Word words[TRACE_WORDS];
};

// By enum trace_kind.
extern const Kind kKinds[TRACE_KINDS_COUNT];

// Puts into the program of a kind where its words are. Throws std::runtime_error where it can't read one.
void place_words(bpf_program *program, Formats &formats, uint32_t kind);

} // namespace vmexit

#endif
