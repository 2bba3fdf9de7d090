// SPDX-License-Identifier: MIT
// Loads the programs, makes the CPUs' rings, and reads them.
#include "recorder.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <stdexcept>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../kernel/attach.h"
#include "../kernel/core_btf.h"
#include "../kernel/error.h"
#include "../kernel/this_host.h"
#include "../kernel/tracefs.h"
#include "kinds.h"

namespace vmexit
{
namespace
{

// How much later than its time an event may come into its ring: an interrupt came between the two.
constexpr uint64_t kWindowNs = 20'000'000;
// How often CPUs are looked for that came online.
constexpr uint64_t kLookNs = 1'000'000'000;

uint64_t now_ns()
{
	timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * uint64_t{1'000'000'000} + now.tv_nsec;
}

// The CPUs that are online: "0-3,6" in sysfs.
std::vector<size_t> online_cpus()
{
	std::ifstream list("/sys/devices/system/cpu/online");
	std::vector<size_t> cpus;
	for (size_t first, end; list >> first;) {
		end = first;
		if (list.peek() == '-')
			list.ignore() >> end;
		for (; first <= end; first++)
			cpus.push_back(first);
		list.ignore();
	}
	return cpus;
}

} // namespace

Recorder::Recorder(const RecorderOptions &options)
    : ring_shift_(options.ring_shift), encoder_(this_host().isa_number)
{
	const int cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		fail("cannot count the CPUs", cpus);
	rings_.resize(cpus);
	events_.resize(cpus);
	load(options);
	for (uint32_t pid : options.pids) {
		uint8_t one = 1;
		if (int error =
			bpf_map__update_elem(map("pids"), &pid, sizeof(pid), &one, sizeof(one), BPF_ANY))
			fail("cannot set the process filter", error);
	}
	cursors_ = std::make_unique<Mapped<trace_cursor>>(bpf_map__fd(map("cursors")), rings_.size(),
							  PROT_READ | PROT_WRITE, "the places in the rings");
	add_rings();
	attach();
	begin();
}

Recorder::~Recorder()
{
	stop();
}

void Recorder::load(const RecorderOptions &options)
{
	libbpf_set_print(nullptr);
	// The programs read payloads alone, none of the kernel's structs.
	object_ = CoreBtf(nullptr).open(options.object);
	bpf_program *program;
	bpf_object__for_each_program(program, object_.get()) bpf_program__set_autoload(program, false);
	Formats formats;
	trace_config config = {};
	config.filter_pids = options.filter_pids;
	config.ring_mask = (1u << ring_shift_) - 1;
	for (uint32_t kind : options.kinds) {
		if (!has_event(kKinds[kind].tracepoint))
			continue;
		program = bpf_object__find_program_by_name(object_.get(), kKinds[kind].tracepoint);
		if (!program)
			fail(std::string("the BPF object lacks the program ") + kKinds[kind].tracepoint,
			     ENOENT);
		bpf_program__set_autoload(program, true);
		programs_.push_back(program);
		place_words(program, formats, kind);
	}
	if (programs_.empty())
		throw std::runtime_error(
		    "this kernel has none of these events; leave --events out to record what it has");
	if (int error = bpf_map__set_initial_value(map(".rodata.config"), &config, sizeof(config)))
		fail("the BPF object doesn't fit this program", error);
	bpf_map__set_max_entries(map("rings"), rings_.size());
	bpf_map__set_max_entries(map("cursors"), rings_.size());
	// What the kernel learns of the rings from, while the programs are loaded.
	const Descriptor example = make_ring(0);
	if (int error = bpf_map__set_inner_map_fd(map("rings"), example.get()))
		fail("the BPF object doesn't fit this program", error);
	if (int error = bpf_object__load(object_.get()))
		throw load_error(error);
}

Descriptor Recorder::make_ring(size_t cpu) const
{
	const size_t size = size_t{1} << ring_shift_;
	LIBBPF_OPTS(bpf_map_create_opts, flags, .map_flags = BPF_F_MMAPABLE);
	int ring =
	    bpf_map_create(BPF_MAP_TYPE_ARRAY, "ring", sizeof(uint32_t), sizeof(trace_event), size, &flags);
	if (ring < 0)
		fail("cannot make the ring of CPU " + std::to_string(cpu) + ", of " +
			 std::to_string(size * sizeof(trace_event) >> 10) +
			 " KiB for each CPU that is online; lower --buffer",
		     ring);
	return Descriptor(ring);
}

// Makes a ring for each CPU that is online and has none.
void Recorder::add_rings()
{
	looked_ns_ = now_ns();
	for (size_t cpu : online_cpus())
		if (cpu < rings_.size() && !events_[cpu])
			add_ring(cpu);
}

void Recorder::add_ring(size_t cpu)
{
	const size_t size = size_t{1} << ring_shift_;
	const Descriptor made = make_ring(cpu);
	events_[cpu] =
	    std::make_unique<Mapped<const trace_event>>(made.get(), size, PROT_READ, "the ring of a CPU");
	rings_[cpu].events = &(*events_[cpu])[0];
	rings_[cpu].mask = size - 1;
	const uint32_t key = cpu;
	const int ring = made.get();
	if (int error = bpf_map__update_elem(map("rings"), &key, sizeof(key), &ring, sizeof(ring), BPF_ANY))
		fail("cannot give a CPU its ring", error);
}

// The last first: what ends an interval is attached before what begins it.
void Recorder::attach()
{
	for (auto program = programs_.rbegin(); program != programs_.rend(); ++program) {
		bpf_link *link = vmexit::attach(*program);
		if (!link) {
			int error = errno;
			stop();
			fail(std::string("cannot attach the BPF program ") + bpf_program__name(*program),
			     error);
		}
		links_.push_back(link);
	}
}

// Attaching takes half a second, in which some kinds of events come and others don't: all begin here.
void Recorder::begin()
{
	for (size_t cpu = 0; cpu < rings_.size(); cpu++) {
		Ring &ring = rings_[cpu];
		trace_cursor &cursor = (*cursors_)[cpu];
		// Losses before the head: what is lost between the two is told by the next event.
		ring.lost = ring.told = __atomic_load_n(&cursor.lost, __ATOMIC_ACQUIRE);
		ring.tail = ring.head = __atomic_load_n(&cursor.head, __ATOMIC_ACQUIRE);
		__atomic_store_n(&cursor.tail, ring.tail, __ATOMIC_RELEASE);
		lost_before_ += ring.lost;
	}
	missed_before_ = missed();
	lost_before_ += missed_before_;
}

void Recorder::stop()
{
	for (bpf_link *link : links_)
		bpf_link__destroy(link);
	links_.clear();
}

size_t Recorder::read(uint32_t *to, size_t room, bool all)
{
	// Losses before heads: see TraceEncoder::encode().
	std::vector<uint64_t> lost(rings_.size());
	for (size_t cpu = 0; cpu < rings_.size(); cpu++)
		lost[cpu] = __atomic_load_n(&(*cursors_)[cpu].lost, __ATOMIC_ACQUIRE);
	const uint64_t now = now_ns();
	const uint64_t certain = all ? UINT64_MAX : now - kWindowNs;
	uint64_t until = certain;
	for (size_t cpu = 0; cpu < rings_.size(); cpu++) {
		Ring &ring = rings_[cpu];
		if (ring.lost != lost[cpu]) {
			ring.lost = lost[cpu];
			ring.lost_ns = now;
		}
		ring.head = __atomic_load_n(&(*cursors_)[cpu].head, __ATOMIC_ACQUIRE);
		// A ring that may overflow is emptied, though events may get out of order then.
		if (ring.head - ring.tail > ring.mask / 2)
			until = UINT64_MAX;
	}
#ifndef __x86_64__
	// The programs write an event and then its head, but nothing makes other CPUs see them in this order;
	// from here on they do. 0x01 is MEMBARRIER_CMD_GLOBAL.
	syscall(SYS_membarrier, 0x01, 0, 0);
#endif
	const size_t words = encoder_.encode(rings_, until, certain, to, room);
	for (size_t cpu = 0; cpu < rings_.size(); cpu++)
		__atomic_store_n(&(*cursors_)[cpu].tail, rings_[cpu].tail, __ATOMIC_RELEASE);
	if (now - looked_ns_ > kLookNs)
		try {
			add_rings();
		} catch (const std::runtime_error &) {
			// Its events are counted as lost.
		}
	return words;
}

uint64_t Recorder::lost() const
{
	uint64_t lost = missed() + missed_before_;
	for (size_t cpu = 0; cpu < rings_.size(); cpu++)
		lost += __atomic_load_n(&(*cursors_)[cpu].lost, __ATOMIC_RELAXED);
	return lost - lost_before_;
}

uint64_t Recorder::missed() const
{
	uint64_t missed = 0;
	for (bpf_program *program : programs_)
		missed += missed_by(bpf_program__fd(program));
	return missed - missed_before_;
}

bpf_map *Recorder::map(const char *name) const
{
	bpf_map *found = bpf_object__find_map_by_name(object_.get(), name);
	if (!found)
		fail(std::string("the BPF object lacks the map ") + name, ENOENT);
	return found;
}

} // namespace vmexit
