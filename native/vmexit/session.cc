// One tracing session: the BPF object from open to close, its maps in this process's memory, and what is read
// from them.
#include "session.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <bpf/bpf.h>

#include "../kernel/attach.h"
#include "../kernel/error.h"
#include "../kernel/fields.h"
#include "../kernel/support.h"
#include "../kernel/names.h"
#include "../kernel/log.h"
#include "../kernel/tracefs.h"

namespace vmexit
{
namespace
{

constexpr uint32_t kMinAccounts = 64;
// The program that makes the histograms free.
constexpr char kFillPool[] = "fill_pool";

static_assert(4 * MAX_VCPUS == 1 << VMEXIT_ACCOUNTS_LOG2, "a home can be any account");
static_assert(sizeof(vmexit_slot) == 32, "the stride of a slot");
static_assert(sizeof(vmexit_histogram) % 8 == 0, "an array map rounds its elements up to 8 bytes");
static_assert(sizeof(vmexit_account) % 8 == 0, "an array map rounds its elements up to 8 bytes");

uint32_t log2_ceil(uint32_t n)
{
	uint32_t bits = 0;
	while ((1ull << bits) < n)
		bits++;
	return bits;
}

// A power of two. With four times as many accounts as vCPUs, nearly all are where they are looked for first.
uint32_t accounts_for(uint32_t max_vcpus)
{
	return 1u << log2_ceil(std::max(kMinAccounts, 4 * max_vcpus));
}

uint32_t histograms_for(uint32_t max_vcpus)
{
	return max_vcpus * VMEXIT_HISTOGRAMS_PER_VCPU;
}

uint64_t bytes_of(uint32_t accounts, uint32_t histograms)
{
	return accounts * uint64_t{sizeof(vmexit_account)} +
	       histograms * uint64_t{sizeof(vmexit_histogram) + sizeof(uint32_t)};
}

} // namespace

uint64_t session_bytes(uint32_t max_vcpus, bool histograms)
{
	return bytes_of(accounts_for(max_vcpus), histograms ? histograms_for(max_vcpus) : 0);
}

Session::Session(const Options &options)
{
	LogTo log(log_);
	allow_descriptors(0);
	std::unique_ptr<KernelBtf> vmlinux = KernelBtf::read("vmlinux");
	bool may_be_direct = options.attach != Attach::Record && !options.details && !options.reflected;
	if (!may_be_direct || !load_directly(options, vmlinux.get()))
		load(options, vmlinux.get(), nullptr);
}

bool Session::load_directly(const Options &options, const KernelBtf *vmlinux)
{
	DirectSupport support = direct_support(vmlinux);
	if (support.obstacle && options.attach == Attach::Direct)
		throw std::runtime_error("cannot attach directly: " + *support.obstacle +
					 "; use --attach record");
	std::string obstacle;
	if (support.obstacle)
		obstacle = *support.obstacle;
	else
		try {
			load(options, support.structs, &support);
			return true;
		} catch (const std::runtime_error &error) {
			if (options.attach == Attach::Direct)
				throw;
			obstacle = error.what();
		}
	log_ += "not attaching directly: " + obstacle + "\n";
	return false;
}

Session::~Session()
{
	unload();
}

void Session::unload()
{
	stop();
	ring_.reset();
	accounts_.reset();
	histograms_.reset();
	object_.reset();
	programs_.clear();
	verifier_logs_.clear();
	stopped_ = false;
}

void Session::stop()
{
	// Exits first, so that what is open can still close.
	for (bpf_link *link : links_)
		bpf_link__destroy(link);
	links_.clear();
	stopped_ = true;
}

void Session::fail_load(int error)
{
	// Not the verifier's refusal, though it may have had its say before the program found no file
	// descriptor.
	if (error == -EMFILE || error == -ESRCH)
		throw load_error(error);
	for (size_t i = 0; i < programs_.size(); i++) {
		std::string text = verifier_logs_[i].c_str();
		// Of a program that loaded, the buffer stays empty at log level 0.
		if (!text.empty() && bpf_program__fd(programs_[i]) < 0)
			throw std::runtime_error(
			    std::string("the kernel's verifier refuses the BPF program ") +
			    bpf_program__name(programs_[i]) + ":\n" + verifier_excerpt(text));
	}
	if (error == -ENOMEM)
		throw std::runtime_error("the kernel has no memory for the counters, " +
					 std::to_string(map_bytes() >> 20) + " MiB; lower --max-vcpus");
	throw load_error(error);
}

bpf_map *Session::map(const char *name)
{
	bpf_map *found = bpf_object__find_map_by_name(object_.get(), name);
	if (!found)
		fail(std::string("the BPF object lacks the map ") + name, ENOENT);
	return found;
}

void Session::load(const Options &options, const KernelBtf *structs, const DirectSupport *direct)
{
	try {
		load_and_attach(options, structs, direct);
	} catch (...) {
		unload();
		throw;
	}
}

void Session::load_and_attach(const Options &options, const KernelBtf *structs, const DirectSupport *direct)
{
	direct_ = direct;
	std::optional<KernelNames> names;
	if (direct)
		names.emplace(*direct);
	CoreBtf core_btf(structs);
	object_ = core_btf.open(options.object);
	choose_programs(options, direct);
	if (names)
		for (bpf_program *program : programs_)
			names->put_into(program);
	configure(options, direct);
	if (int error = bpf_object__load(object_.get()))
		fail_load(error);
	fill_filter("pids", options.pids);
	fill_filter("vcpu_ids", options.vcpu_ids);
	fill_filter("reasons", options.reasons);
	fill_pool();
	map_memory();
	attach();
}

void Session::choose_programs(const Options &options, const DirectSupport *direct)
{
	// In the order in which they attach: the ends of intervals before their beginnings.
	std::vector<std::string> wanted;
	if (direct) {
		wanted.push_back("direct_vcpu_end");
		if (options.timing)
			wanted.push_back(options.slow         ? "direct_entry_slow"
					 : options.histograms ? "direct_entry_histogram"
							      : "direct_entry_time");
		wanted.push_back(std::string("direct_exit_") + loaded_vendor()->name +
				 (options.timing ? "_time" : "_count") + (direct->casts() ? "_cast" : ""));
	} else {
		wanted.push_back("record_thread_end");
		if (options.timing)
			wanted.push_back("record_entry");
		if (has_event("kvm_nested_vmexit"))
			wanted.push_back("record_nested_exit");
		if (options.reflected) {
			if (!has_event("kvm_nested_vmexit_inject"))
				throw std::runtime_error(
				    "this kernel's KVM has no nested guests; leave --wide out");
			wanted.push_back("record_reflected");
		}
		if (options.details && has_event("kvm_page_fault"))
			wanted.push_back("record_fault");
		if (options.details && has_event("kvm_msr"))
			wanted.push_back("record_msr");
		wanted.push_back("record_exit");
	}
	bpf_program *program;
	bpf_object__for_each_program(program, object_.get()) bpf_program__set_autoload(
	    program, options.histograms && !strcmp(bpf_program__name(program), kFillPool));
	verifier_logs_.assign(wanted.size(), std::string(kVerifierLogBytes, '\0'));
	for (const std::string &name : wanted) {
		program = bpf_object__find_program_by_name(object_.get(), name.c_str());
		if (!program)
			fail("the BPF object lacks the program " + name, ENOENT);
		bpf_program__set_autoload(program, true);
		std::string &log = verifier_logs_[programs_.size()];
		bpf_program__set_log_buf(program, log.data(), log.size());
		programs_.push_back(program);
	}
}

void Session::configure(const Options &options, bool direct)
{
	account_count_ = accounts_for(options.max_vcpus);
	vmexit_config config = {};
	config.account_mask = account_count_ - 1;
	config.timing = options.timing;
	config.histograms = options.histograms;
	config.slow = options.slow;
	config.slow_ns = options.slow_ns;
	config.details = options.details;
	config.filter_pids = options.filter_pids;
	config.filter_vcpus = options.filter_vcpus;
	config.reasons = options.reasons_mode;
	PayloadFields fields;
	config.entry_has_vcpu_id = fields.has(FIELD_ENTRY_VCPU_ID);
	if (!direct) {
		if (options.filter_vcpus && !fields.has(FIELD_EXIT_VCPU_ID))
			throw std::runtime_error(
			    "this kernel's kvm_exit doesn't tell the vCPU; leave --vcpu out");
		// Else it is read from each exit, which takes an instruction.
		if (const Vendor *vendor = loaded_vendor())
			fields.know(FIELD_EXIT_ISA, vendor->isa);
		for (bpf_program *program : programs_)
			fields.put_into(program);
	}
	bpf_map *map_of_config = map(".rodata.config");
	if (int error = bpf_map__set_initial_value(map_of_config, &config, sizeof(config)))
		fail("the BPF object doesn't fit this program", error);
	bpf_map__set_max_entries(map("accounts"), account_count_);
	bpf_map__set_max_entries(map("claims"), account_count_);
	if (options.filter_pids || options.filter_vcpus)
		for (const char *name : {"left_out", "bare_threads"})
			bpf_map__set_max_entries(map(name), 1u << VMEXIT_LEFT_OUT_LOG2);
	histogram_count_ = options.histograms ? histograms_for(options.max_vcpus) : 0;
	bpf_map__set_max_entries(map("histograms"), std::max(histogram_count_, 1u));
	bpf_map__set_max_entries(map("free_histograms"), std::max(histogram_count_, 1u));
	if (options.slow)
		bpf_map__set_max_entries(map("events"), VMEXIT_RING_BYTES);
}

void Session::fill_filter(const char *name, const std::vector<uint32_t> &keys)
{
	uint8_t listed = 1;
	for (uint32_t key : keys)
		if (int error =
			bpf_map__update_elem(map(name), &key, sizeof(key), &listed, sizeof(listed), BPF_ANY))
			fail(std::string("cannot fill the filter ") + name, error);
}

void Session::fill_pool()
{
	bpf_program *fill = bpf_object__find_program_by_name(object_.get(), kFillPool);
	for (uint64_t first = 0; first < histogram_count_; first += VMEXIT_HISTOGRAMS_PER_VCPU) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &first, .ctx_size_in = sizeof(first));
		int error = bpf_prog_test_run_opts(bpf_program__fd(fill), &run);
		if (error || run.retval)
			fail("cannot fill the pool of histograms", error ? error : ENOSPC);
	}
	bpf_program__unload(fill);
}

void Session::map_memory()
{
	accounts_.emplace(bpf_map__fd(map("accounts")), account_count_, PROT_READ | PROT_WRITE,
			  "the accounts");
	if (histogram_count_)
		histograms_.emplace(bpf_map__fd(map("histograms")), histogram_count_, PROT_READ | PROT_WRITE,
				    "the histograms");
	auto keep = [](void *context, void *data, size_t size) {
		auto *session = static_cast<Session *>(context);
		if (size == sizeof(vmexit_event))
			session->events_.push_back(*static_cast<vmexit_event *>(data));
		// Guests may fill the ring as fast as this empties it: the rest is for the next time.
		return session->events_.size() < session->most_events_ ? 0 : -EAGAIN;
	};
	ring_.reset(ring_buffer__new(bpf_map__fd(map("events")), keep, this, nullptr));
	if (!ring_)
		fail("cannot map the ring buffer", errno);
}

void Session::attach()
{
	for (bpf_program *program : programs_) {
		bpf_link *link = vmexit::attach(program);
		if (!link)
			fail(std::string("cannot attach the BPF program ") + bpf_program__name(program),
			     errno);
		links_.insert(links_.begin(), link);
	}
	stopped_ = false;
}

std::vector<ProgramInfo> Session::programs() const
{
	std::vector<ProgramInfo> list;
	for (const bpf_program *program : programs_) {
		bpf_prog_info info = {};
		uint32_t length = sizeof(info);
		if (int error = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length))
			fail(std::string("cannot ask about the BPF program ") + bpf_program__name(program),
			     error);
		list.push_back({bpf_program__name(program), bpf_program__section_name(program),
				info.verified_insns, info.jited_prog_len});
	}
	return list;
}

uint64_t Session::map_bytes() const
{
	return bytes_of(account_count_, histogram_count_) +
	       bpf_map__max_entries(bpf_object__find_map_by_name(object_.get(), "events"));
}

std::vector<vmexit_event> Session::take_events(uint32_t most)
{
	LogTo log(log_);
	most_events_ = most;
	ring_buffer__consume(ring_.get());
	return std::move(events_);
}

void Session::read_histogram(uint32_t index, uint32_t slot, Snapshot &snapshot)
{
	for (uint32_t i = 0; i < VMEXIT_BUCKETS; i++)
		if (uint64_t count = (*histograms_)[index].buckets[i])
			snapshot.buckets.push_back({slot, static_cast<uint8_t>(i), count});
}

void Session::read_account(vmexit_account &account, bool ended, Snapshot &snapshot)
{
	uint32_t vcpu = snapshot.vcpus.size();
	auto add = [&](uint64_t key, uint64_t count, uint64_t total_ns, uint64_t max_ns) {
		snapshot.slots.push_back({vcpu, Key(key), count, total_ns, max_ns});
	};
	snapshot.vcpus.push_back({account.tgid, account.tid, account.vcpu_id, account.start_ns, ended,
				  std::string(account.comm, strnlen(account.comm, VMEXIT_COMM))});
	for (uint32_t i = 0; i < VMEXIT_SLOTS; i++) {
		vmexit_slot &slot = account.slots[i];
		if (!slot.key || !slot.count)
			continue;
		// The one word that both sides write: what the thread stores later is a maximum since now.
		uint64_t max_ns = __atomic_exchange_n(&slot.max_ns, 0, __ATOMIC_RELAXED);
		add(slot.key, slot.count, slot.total_ns, max_ns);
		uint32_t histogram = account.histograms[i];
		if (histogram && histogram <= histogram_count_)
			read_histogram(histogram - 1, snapshot.slots.size() - 1, snapshot);
	}
	if (account.exit.key && (ended || stopped_))
		add(account.exit.key | VMEXIT_KEY_UNTIMED, 1, 0, 0);
}

void Session::free_account(uint32_t index)
{
	for (uint32_t one_more : (*accounts_)[index].histograms) {
		if (!one_more || one_more > histogram_count_)
			continue;
		uint32_t histogram = one_more - 1;
		memset(&(*histograms_)[histogram], 0, sizeof(vmexit_histogram));
		bpf_map__update_elem(map("free_histograms"), nullptr, 0, &histogram, sizeof(histogram),
				     BPF_ANY);
	}
	memset(&(*accounts_)[index], 0, sizeof(vmexit_account));
	// Only when it is empty may another vCPU claim it.
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	bpf_map__delete_elem(map("claims"), &index, sizeof(index), 0);
}

Snapshot Session::snapshot()
{
	Snapshot snapshot = {};
	for (uint32_t i = 0; i < account_count_; i++) {
		vmexit_account &account = (*accounts_)[i];
		uint32_t state = __atomic_load_n(&account.state, __ATOMIC_ACQUIRE);
		if (state == VMEXIT_FREE)
			continue;
		read_account(account, state == VMEXIT_ENDED, snapshot);
		if (state == VMEXIT_ENDED)
			free_account(i);
	}
	uint32_t only = 0;
	if (int error = bpf_map__lookup_elem(map(".bss.losses"), &only, sizeof(only), &snapshot.losses,
					     sizeof(snapshot.losses), 0))
		fail("cannot read what was lost", error);
	for (bpf_program *program : programs_)
		snapshot.missed += missed_by(bpf_program__fd(program));
	return snapshot;
}

} // namespace vmexit
