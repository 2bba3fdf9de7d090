// One tracing session: the BPF object from open to close, its maps in this process's memory, and what is read
// from them.
#ifndef SESSION_H
#define SESSION_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <bpf/libbpf.h>

#include "../bpf/vmexit.h"

namespace vmexit
{

enum class Attach { Auto, Direct, Record };

struct Options {
	std::string object; // path of the BPF object
	Attach attach = Attach::Auto;
	bool timing = false;
	uint32_t max_vcpus = 1024;
	bool filter_pids = false; // trace `pids` alone, even when there is none
	std::vector<uint32_t> pids;
};

// One vCPU, and one counter of one; the columns of a snapshot.
struct VcpuRow {
	uint32_t tgid, tid;
	int32_t vcpu_id; // -1: unknown
	uint64_t start_ns;
	bool ended;
	std::string comm;
};

struct SlotRow {
	uint32_t vcpu; // index of its VcpuRow
	uint8_t isa;
	uint8_t level; // 1 or 2
	bool timed;    // false: exits without an entry, which total_ns and max_ns know nothing of
	uint32_t reason;
	uint64_t count, total_ns, max_ns;
};

struct Snapshot {
	std::vector<VcpuRow> vcpus;
	std::vector<SlotRow> slots;
	vmexit_health health;
	uint64_t missed; // events for which the kernel didn't run a program
};

class Session
{
      public:
	// Opens, loads and attaches. Throws std::runtime_error with a message for the user.
	explicit Session(const Options &options);
	~Session();
	Session(const Session &) = delete;
	Session &operator=(const Session &) = delete;

	// Detaches the programs: from then on the numbers stand still and open exits are counted as
	// unfinished.
	void stop();
	// Reads everything. Records of vCPUs that ended are in it for the last time, and then free again.
	Snapshot snapshot();

	bool direct() const
	{
		return direct_;
	}
	const std::string &log() const
	{
		return log_;
	}
	uint32_t record_count() const
	{
		return record_count_;
	}
	std::vector<std::string> programs() const;

      private:
	void load(const Options &options, bool direct);
	void configure(const Options &options, bool direct);
	void choose_programs(const Options &options, bool direct);
	void attach();
	void map_records();
	void unload();
	[[noreturn]] void fail(const std::string &what, int error);
	[[noreturn]] void fail_load(int error);
	bpf_map *map(const char *name);
	void read_record(const vmexit_record &record, bool ended, Snapshot &snapshot);
	void free_record(uint32_t index);

	struct ObjectClose {
		void operator()(bpf_object *object) const
		{
			bpf_object__close(object);
		}
	};
	std::unique_ptr<bpf_object, ObjectClose> object_;
	std::vector<bpf_program *> programs_;
	std::vector<std::string> verifier_logs_; // one for each of programs_
	std::vector<bpf_link *> links_;
	vmexit_record *records_ = nullptr;
	uint32_t record_count_ = 0;
	bool direct_ = false;
	bool stopped_ = false;
	std::string log_;
};

} // namespace vmexit

#endif
