/* SPDX-License-Identifier: MIT */
// The programs that split vCPUs' time by what they do: loading them, reading their accounts.
#ifndef SPLITTER_H
#define SPLITTER_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../../bpf/contract/split.h"
#include "../kernel/mapped.h"
#include "../kernel/programs.h"
#include "../kernel/support.h"

namespace vmexit
{

enum class SplitAttach { Auto, Direct, Probe };

struct SplitOptions {
	std::string object; // path of the BPF object
	SplitAttach attach = SplitAttach::Auto;
	uint32_t max_vcpus = 1024;
	bool filter_pids = false; // trace `pids` alone, even when there is none
	std::vector<uint32_t> pids;
	bool filter_vcpus = false;
	std::vector<uint32_t> vcpu_ids;
};

// What a reader is told of an activity: all but SPLIT_UNKNOWN.
constexpr size_t kActivities = SPLIT_UNKNOWN;

// One vCPU, up to now.
struct SplitRow {
	uint32_t tgid, tid;
	int32_t vcpu_id;
	uint64_t start_ns;
	bool ended;
	std::string comm;
	std::array<uint64_t, kActivities> ns;
	uint64_t exits, returns, wakeups, migrations;
	uint64_t max_wait_ns, max_idle_ns; // since the last snapshot, one that is still on included
};

// A bucket that isn't empty.
struct WaitRow {
	uint32_t vcpu; // index of its SplitRow
	uint8_t bucket;
	uint64_t count;
};

struct SplitSnapshot {
	uint64_t at_ns = 0; // CLOCK_MONOTONIC: up to when what is open counts
	std::vector<SplitRow> vcpus;
	std::vector<WaitRow> waits;
	uint64_t accounts_full = 0;
	uint64_t missed = 0; // events for which the kernel didn't run a program
};

// Bytes of the accounts of so many vCPUs.
uint64_t splitter_bytes(uint32_t max_vcpus);

class Splitter
{
public:
	// Opens, loads, attaches, and looks for the vCPUs that are there. Throws std::runtime_error with a
	// message for the user.
	explicit Splitter(const SplitOptions &options);
	Splitter(const Splitter &) = delete;
	Splitter &operator=(const Splitter &) = delete;

	// Reads everything, up to now. Accounts of vCPUs that ended are in it for the last time, and then
	// free again.
	SplitSnapshot snapshot();
	// Detaches the programs: what follows isn't counted, so the last snapshot comes before.
	void stop();

	bool direct() const
	{
		return direct_;
	}
	const std::string &log() const
	{
		return log_;
	}
	uint32_t account_count() const
	{
		return account_count_;
	}
	// Bytes of the maps made for this.
	uint64_t map_bytes() const
	{
		return map_bytes_;
	}
	std::vector<ProgramInfo> programs() const
	{
		return programs_->info();
	}

private:
	bool load_directly(const SplitOptions &options, const KernelBtf *vmlinux);
	void load(const SplitOptions &options, const KernelBtf *structs, const DirectSupport &support,
		  bool direct);
	void find_existing();
	void read_account(split_account &account, bool ended, SplitSnapshot &snapshot);

	std::string log_;
	std::string existing_; // the name of the program that looks for vCPUs
	std::optional<Programs> programs_;
	std::optional<Mapped<split_account>> accounts_;
	uint32_t account_count_ = 0;
	uint64_t map_bytes_ = 0;
	bool direct_ = false;
};

} // namespace vmexit

#endif
