/* SPDX-License-Identifier: MIT */
// One tracing session: the BPF object from open to close, its maps in this process's memory, and what is read
// from them.
#ifndef SESSION_H
#define SESSION_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bpf/libbpf.h>

#include "../../bpf/contract/vmexit.h"
#include "../kernel/core_btf.h"
#include "../kernel/mapped.h"
#include "../kernel/programs.h"
#include "../kernel/support.h"

namespace vmexit
{

enum class Attach { Auto, Direct, Raw, Record };

struct Options {
	std::string object; // path of the BPF object
	Attach attach = Attach::Auto;
	bool timing = false;
	bool histograms = false;
	bool slow = false; // report exits of slow_ns and longer instead of counting
	uint64_t slow_ns = 0;
	bool details = false; // keep what each exit was about; `object` is the one for that. Not by
			      // Attach::Raw. With slow it needs Attach::Record: only payloads have the
			      // guest's RIP
	bool net = false; // leave out of times what the vCPU slept or waited, which needs to attach directly
	bool reflected = false; // tell which exits of L2 went to L1, which needs Attach::Record
	bool returns = false;   // count returns of KVM_RUN to the VMM instead of exits; needs timing. Not by
				// Attach::Raw
	uint32_t reasons_mode = VMEXIT_REASONS_ALL;
	std::vector<uint32_t> reasons;
	uint32_t max_vcpus = 1024;
	bool filter_pids = false; // trace `pids` alone, even when there is none
	std::vector<uint32_t> pids;
	bool filter_vcpus = false;
	std::vector<uint32_t> vcpu_ids;
};

// One vCPU, and one counter of one; the columns of a snapshot.
struct VcpuRow {
	uint32_t tgid, tid;
	int32_t vcpu_id; // -1: unknown
	uint64_t start_ns;
	bool ended;
	std::string comm;
};

// What a slot is of, among those of its reason: see bpf/contract/vmexit.h.
enum class DetailState : uint8_t { None, Known, Unknown, NoPlace };

// What a slot's key says.
struct Key {
	explicit Key(uint64_t key)
	    : reason(key), isa(key >> VMEXIT_KEY_ISA_SHIFT & VMEXIT_KEY_ISA_MASK),
	      level(key & VMEXIT_KEY_L2 ? 2 : 1), timed(!(key & VMEXIT_KEY_UNTIMED)),
	      reflected(key & VMEXIT_KEY_REFLECTED), detail(key & VMEXIT_KEY_DETAIL     ? DetailState::Known
							    : key & VMEXIT_KEY_UNKNOWN  ? DetailState::Unknown
							    : key & VMEXIT_KEY_NO_PLACE ? DetailState::NoPlace
											: DetailState::None)
	{
	}
	uint32_t reason;
	uint8_t isa;
	uint8_t level;  // 1 or 2
	bool timed;     // false: exits without an entry, which have no times
	bool reflected; // exits of L2 that L1 handled
	DetailState detail;
};

struct SlotRow {
	uint32_t vcpu; // index of its VcpuRow
	Key key;
	uint64_t detail; // if known
	uint64_t count, total_ns, max_ns;
};

// A bucket that isn't empty.
struct BucketRow {
	uint32_t slot; // index of its SlotRow
	uint8_t bucket;
	uint64_t count;
};

struct Snapshot {
	std::vector<VcpuRow> vcpus;
	std::vector<SlotRow> slots;
	std::vector<BucketRow> buckets;
	vmexit_losses losses;
	uint64_t missed; // events for which the kernel didn't run a program
};

// Bytes of the maps that a session with these options has.
uint64_t session_bytes(const Options &options);

class Session
{
public:
	// Opens, loads and attaches. Throws std::runtime_error with a message for the user.
	explicit Session(const Options &options);
	~Session();
	Session(const Session &) = delete;
	Session &operator=(const Session &) = delete;

	// Detaches the programs: from then on the numbers don't change, and open exits are counted as
	// unfinished.
	void stop();
	// Reads everything. Accounts of vCPUs that ended are in it for the last time, and then free again.
	Snapshot snapshot();

	// The slow exits reported since the last call, oldest first, `most` of them; the others come with the
	// next calls.
	std::vector<vmexit_event> take_events(uint32_t most);

	// Any but Auto.
	Attach way() const
	{
		return way_;
	}
	// Whether a snapshot's slots have details.
	bool details() const
	{
		return table_count_;
	}
	const std::string &log() const
	{
		return log_;
	}
	uint32_t account_count() const
	{
		return account_count_;
	}
	// Bytes of the maps made for this session.
	uint64_t map_bytes() const
	{
		return map_bytes_;
	}
	std::vector<ProgramInfo> programs() const
	{
		return programs_->info();
	}

private:
	// Return whether they did; say in the log why they didn't.
	bool load_directly(const Options &options, const KernelBtf *vmlinux);
	bool load_raw(const Options &options, const KernelBtf *vmlinux);
	// `support` is of that way; of Attach::Record for architectures that have one isa.
	void load(const Options &options, Attach way, const KernelBtf *structs, const DirectSupport &support);
	void load_and_attach(const Options &options, const KernelBtf *structs, const DirectSupport &support);
	void configure(const Options &options);
	void fill_pool();
	void map_memory();
	void unload();
	void read_account(vmexit_account &account, bool ended, Snapshot &snapshot);
	void read_slot(vmexit_slot &slot, uint64_t detail, uint32_t histogram, Snapshot &snapshot);
	uint64_t read_histogram(uint32_t index, uint32_t slot, Snapshot &snapshot);
	void read_slot_and_histogram(const vmexit_slot &slot, uint32_t index, Snapshot &snapshot);
	// Of the account; null if there is none.
	vmexit_details *details_of(const vmexit_account &account);
	void free_account(uint32_t index);
	void free_histogram(uint32_t index_plus_one);

	struct RingFree {
		void operator()(ring_buffer *ring) const
		{
			ring_buffer__free(ring);
		}
	};
	std::optional<Programs> programs_;
	std::optional<Mapped<vmexit_account>> accounts_;
	std::optional<Mapped<vmexit_histogram>> histograms_; // empty if not wanted
	uint32_t histogram_count_ = 0;
	std::optional<Mapped<vmexit_details>> details_; // empty if not wanted
	uint32_t table_count_ = 0;
	uint32_t max_vcpus_ = 0;
	std::unique_ptr<ring_buffer, RingFree> ring_;
	std::vector<vmexit_event> events_;
	size_t most_events_ = 0;
	uint32_t account_count_ = 0;
	uint64_t map_bytes_ = 0;
	Attach way_ = Attach::Record;
	bool stopped_ = false;
	std::string log_;
};

} // namespace vmexit

#endif
