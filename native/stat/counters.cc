// SPDX-License-Identifier: MIT
// Counters of KVM's tracepoints: a small program for each event that is wanted, from one template, in one set
// of maps.
#include "counters.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../kernel/attach.h"
#include "../kernel/error.h"
#include "../kernel/fields.h"
#include "../kernel/support.h"
#include "../kernel/this_host.h"
#include "../kernel/names.h"
#include "../kernel/log.h"

namespace vmexit
{
namespace
{

constexpr char kPlainProgram[] = "plain_event";
constexpr char kUserspaceProgram[] = "userspace_exit";
constexpr char kEventPrefix[] = "kvm_";

static_assert(sizeof(stat_children) % 8 == 0, "an array map rounds its elements up to 8 bytes");

} // namespace

Counters::Counters(const CountersOptions &options)
    : events_(options.events), recovered_(options.events.size())
{
	LogTo log(log_);
	int cpus = libbpf_num_possible_cpus();
	if (cpus < 1)
		fail("cannot count the CPUs", cpus);
	cpus_ = cpus;
	// A program and its attachment for each.
	allow_descriptors(2 * options.events.size());
	load(options);
	auto map = [&](const char *name) { return bpf_object__find_map_fd_by_name(object_.get(), name); };
	counts_.emplace(map(".bss.counts"), STAT_CPU_SLOTS, PROT_READ, "the counters");
	children_.emplace(map("children"), cpus_, PROT_READ, "the counters");
}

Counters::~Counters()
{
	for (auto &[event, attached] : attached_)
		detach(event, attached);
}

void Counters::choose_exit_program(const KernelBtf *vmlinux, const DirectSupport &support)
{
	const std::string &isa = this_host().isa;
	if (isa.empty())
		throw std::runtime_error("KVM is not loaded");
	if (has_one_isa())
		exit_program_ = "exit_only";
	else if (!support.obstacle)
		exit_program_ = "exit_" + isa + (support.casts() ? "_cast" : "");
	else
		exit_program_ = raw_support(vmlinux).obstacle ? "record_exit_" + isa : "exit_raw";
}

void Counters::load(const CountersOptions &options)
{
	std::unique_ptr<KernelBtf> vmlinux = KernelBtf::read("vmlinux");
	DirectSupport support = direct_support(vmlinux.get());
	choose_exit_program(vmlinux.get(), support);
	CoreBtf core_btf(support.obstacle ? vmlinux.get() : support.structs);
	object_ = core_btf.open(options.object);
	std::optional<KernelNames> names;
	if (!support.obstacle) {
		names.emplace(support);
		names->put_into(program_of(STAT_EVENT_EXIT));
	} else {
		PayloadFields().put_into(program_of(STAT_EVENT_EXIT));
	}
	bpf_map *children = bpf_object__find_map_by_name(object_.get(), "children");
	if (!children || bpf_map__set_max_entries(children, cpus_))
		fail("the BPF object doesn't fit this program", EINVAL);
	std::string verifier_log(kVerifierLogBytes, '\0');
	bpf_program *program;
	bpf_object__for_each_program(program, object_.get())
	{
		std::string name = bpf_program__name(program);
		bpf_program__set_autoload(program, name == kPlainProgram || name == kUserspaceProgram ||
						       name == exit_program_);
		bpf_program__set_log_buf(program, verifier_log.data(), verifier_log.size());
	}
	int error = bpf_object__load(object_.get());
	// The log was this function's.
	bpf_object__for_each_program(program, object_.get()) bpf_program__set_log_buf(program, nullptr, 0);
	if (!error)
		return;
	std::string excerpt = verifier_excerpt(verifier_log.c_str());
	if (!excerpt.empty())
		throw std::runtime_error("the kernel's verifier refuses a BPF program:\n" + excerpt);
	throw load_error(error);
}

bpf_program *Counters::program_of(uint32_t event) const
{
	const char *name = event == STAT_EVENT_EXIT             ? exit_program_.c_str()
			   : event == STAT_EVENT_USERSPACE_EXIT ? kUserspaceProgram
								: kPlainProgram;
	return bpf_object__find_program_by_name(object_.get(), name);
}

// Loads the template for plain events, as libbpf has relocated it, with this event's index in the
// placeholder's place.
int Counters::load_clone(uint32_t event) const
{
	const bpf_program *plain = program_of(event);
	std::vector<bpf_insn> instructions(bpf_program__insns(plain),
					   bpf_program__insns(plain) + bpf_program__insn_cnt(plain));
	int patched = 0;
	for (bpf_insn &instruction : instructions) {
		if (BPF_CLASS(instruction.code) == BPF_LD || instruction.imm != STAT_EVENT_PLACEHOLDER)
			continue;
		instruction.imm = event;
		patched++;
	}
	if (patched != 1)
		fail("the BPF object doesn't fit this program", EINVAL);
	// The kernel keeps 15 characters of a name: none is spent on what nearly all events begin with.
	std::string name = events_[event];
	if (!name.compare(0, strlen(kEventPrefix), kEventPrefix))
		name.erase(0, strlen(kEventPrefix));
	return bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, name.c_str(), "Dual MIT/GPL", instructions.data(),
			     instructions.size(), nullptr);
}

Counters::Attached Counters::attach_event(uint32_t event) const
{
	Attached attached;
	bpf_program *program = program_of(event);
	if (event < STAT_EVENT_FIRST_PLAIN) {
		// It stays loaded when it is detached.
		attached.misses = missed_by(bpf_program__fd(program), 0);
		attached.link = vmexit::attach(program);
		if (!attached.link)
			fail("cannot attach", errno);
		attached.program = bpf_program__fd(program);
		return attached;
	}
	if (event >= STAT_EVENTS)
		fail("more than " + std::to_string(STAT_EVENTS) + " tracepoints", E2BIG);
	attached.program = load_clone(event);
	if (attached.program < 0)
		fail("cannot load its BPF program", attached.program);
	attached.raw = bpf_raw_tracepoint_open(events_[event].c_str(), attached.program);
	if (attached.raw < 0) {
		int error = errno;
		close(attached.program);
		fail("cannot attach", error);
	}
	return attached;
}

// Each miss is one event, of the program's kind. On Linux 7.2 a vCPU's thread may be preempted while it
// counts, by another's that runs into the same program.
void Counters::account_misses(uint32_t event, Attached &attached)
{
	uint64_t misses = missed_by(attached.program, attached.misses), since = misses - attached.misses;
	attached.misses = misses;
	(filtered_ ? missed_ : recovered_[event]) += since;
}

void Counters::detach(uint32_t event, Attached &attached)
{
	account_misses(event, attached);
	if (attached.link) {
		bpf_link__destroy(attached.link);
		return;
	}
	close(attached.raw);
	close(attached.program);
}

std::map<uint32_t, std::string> Counters::attach(const std::vector<uint32_t> &wanted)
{
	LogTo log(log_);
	std::map<uint32_t, Attached> still;
	std::map<uint32_t, std::string> failures;
	for (uint32_t event : wanted) {
		auto known = attached_.extract(event);
		if (!known.empty()) {
			still.insert(std::move(known));
			continue;
		}
		try {
			still[event] = attach_event(event);
		} catch (const std::runtime_error &error) {
			failures[event] = error.what();
		}
	}
	for (auto &[event, attached] : attached_)
		detach(event, attached);
	attached_ = std::move(still);
	return failures;
}

void Counters::filter(uint32_t tgid)
{
	for (auto &[event, attached] : attached_)
		account_misses(event, attached);
	filtered_ = tgid != 0;
	stat_filter value = {};
	value.tgid = tgid;
	uint32_t only = 0;
	int map = bpf_object__find_map_fd_by_name(object_.get(), ".bss.filter");
	if (bpf_map_update_elem(map, &only, &value, BPF_ANY))
		fail("cannot set the process filter", errno);
}

CountersSnapshot Counters::snapshot()
{
	CountersSnapshot snapshot = {};
	snapshot.events.resize(events_.size());
	for (size_t event = 0; event < std::min<size_t>(events_.size(), STAT_EVENTS); event++)
		for (uint32_t slot = 0; slot < STAT_CPU_SLOTS; slot++)
			snapshot.events[event] +=
			    __atomic_load_n(&(*counts_)[slot].events[event], __ATOMIC_RELAXED);
	std::map<uint64_t, uint64_t> children;
	for (uint32_t cpu = 0; cpu < cpus_; cpu++) {
		for (uint32_t event = 0; event < STAT_EVENT_FIRST_PLAIN; event++) {
			for (const stat_child &slot : (*children_)[cpu].slots[event])
				if (uint64_t key = __atomic_load_n(&slot.key, __ATOMIC_RELAXED))
					children[key] += __atomic_load_n(&slot.count, __ATOMIC_RELAXED);
			uint64_t unplaced =
			    __atomic_load_n(&(*children_)[cpu].unplaced[event], __ATOMIC_RELAXED);
			snapshot.events[event] += unplaced;
			snapshot.unplaced += unplaced;
		}
	}
	for (const auto &[key, count] : children) {
		uint8_t kind = key >> STAT_CHILD_KIND_SHIFT;
		snapshot.children.push_back({kind, static_cast<uint32_t>(key), count});
		snapshot.events[kind == STAT_KIND_USERSPACE ? STAT_EVENT_USERSPACE_EXIT : STAT_EVENT_EXIT] +=
		    count;
	}
	for (auto &[event, attached] : attached_)
		account_misses(event, attached);
	for (size_t event = 0; event < events_.size(); event++) {
		snapshot.events[event] += recovered_[event];
		if (event < STAT_EVENT_FIRST_PLAIN)
			snapshot.unplaced += recovered_[event];
	}
	snapshot.missed = missed_;
	return snapshot;
}

} // namespace vmexit
