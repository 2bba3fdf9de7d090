/* SPDX-License-Identifier: MIT */
// Counters of KVM's tracepoints: a small program for each event that is wanted, from one template, in one set
// of maps.
#ifndef COUNTERS_H
#define COUNTERS_H

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bpf/libbpf.h>

#include "../../bpf/contract/stat.h"
#include "../kernel/core_btf.h"
#include "../kernel/mapped.h"
#include "../kernel/support.h"

namespace vmexit
{

struct CountersOptions {
	std::string object;              // path of the BPF object
	std::vector<std::string> events; // by index; the first two are kvm_exit and kvm_userspace_exit
};

struct ChildRow {
	uint8_t kind; // STAT_KIND_*
	uint32_t reason;
	uint64_t count;
};

struct CountersSnapshot {
	std::vector<uint64_t> events; // by index
	std::vector<ChildRow> children;
	uint64_t unplaced; // exits that are counted without their reason
	uint64_t missed;   // events that aren't counted: it is unknown whether the filter wants them
};

class Counters
{
public:
	// Opens and loads; nothing is attached yet. Throws std::runtime_error with a message for the user.
	explicit Counters(const CountersOptions &options);
	~Counters();
	Counters(const Counters &) = delete;
	Counters &operator=(const Counters &) = delete;

	// Attaches the events with these indices and detaches the others. Returns why, by index, some can't
	// be attached.
	std::map<uint32_t, std::string> attach(const std::vector<uint32_t> &wanted);
	// From now on counts the events of this process alone; 0: of all.
	void filter(uint32_t tgid);
	// Reads everything: cumulative, over all CPUs and from the beginning.
	CountersSnapshot snapshot();

private:
	// An attached program: by a raw tracepoint's file descriptor or, of the record's program, a link.
	struct Attached {
		int program = -1; // its file descriptor
		int raw = -1;
		bpf_link *link = nullptr;
		uint64_t misses = 0; // that are accounted for
	};

	void choose_exit_program(const KernelBtf *vmlinux, const DirectSupport &support);
	void load(const CountersOptions &options);
	bpf_program *program_of(uint32_t event) const;
	int load_clone(uint32_t event) const;
	Attached attach_event(uint32_t event) const;
	void detach(uint32_t event, Attached &attached);
	void account_misses(uint32_t event, Attached &attached);

	Object object_;
	std::vector<std::string> events_;
	std::string exit_program_; // the name of the one for kvm_exit
	std::map<uint32_t, Attached> attached_;
	// Events for which the kernel didn't run their program, and which are counted all the same: by event.
	std::vector<uint64_t> recovered_;
	uint64_t missed_ = 0; // those that aren't
	bool filtered_ = false;
	uint32_t cpus_ = 0;
	std::optional<Mapped<const stat_counts>> counts_;
	std::optional<Mapped<const stat_children>> children_;
	std::string log_;
};

} // namespace vmexit

#endif
