// SPDX-License-Identifier: MIT
// One tracing session: the BPF object from open to close, its maps in this process's memory, and what is read
// from them.
#include "session.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <bpf/bpf.h>

#include "../kernel/accounts.h"
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

// What KVM_RUN is in the kernel.
const std::vector<std::string> kRunFunctions = {"fentry/kvm_arch_vcpu_ioctl_run"};
// The program that makes histograms and tables of details free.
constexpr char kFillPool[] = "fill_pool";

// By payload: how the programs' names begin that tell details of exits, and of exits to the VMM.
constexpr char kDetails[] = "record_detail_", kRunDetails[] = "record_run_detail_";

// Programs on functions that net times need, by their sections.
const std::vector<std::string> kNetFunctions = {"fentry/kvm_sched_out", "fentry/kvm_sched_in"};

static_assert(4 * MAX_VCPUS == 1 << VMEXIT_ACCOUNTS_LOG2, "a home can be any account");
static_assert(sizeof(vmexit_slot) == 32, "the stride of a slot");
static_assert(sizeof(vmexit_histogram) % 8 == 0, "an array map rounds its elements up to 8 bytes");
static_assert(sizeof(vmexit_details) % 8 == 0, "an array map rounds its elements up to 8 bytes");
static_assert(sizeof(vmexit_account) % 8 == 0, "an array map rounds its elements up to 8 bytes");

uint32_t histograms_for(const Options &options)
{
	uint32_t share = options.details ? VMEXIT_HISTOGRAMS_BY_DETAIL : VMEXIT_HISTOGRAMS_PER_VCPU;
	return options.histograms ? options.max_vcpus * share : 0;
}

uint32_t tables_for(const Options &options)
{
	return options.details && !options.slow ? options.max_vcpus : 0;
}

// Whether KVM can run guests of SEV-ES, as its module says.
bool runs_sev_es()
{
	std::ifstream parameter("/sys/module/kvm_amd/parameters/sev_es");
	char value = 'N';
	return parameter >> value && (value == 'Y' || value == '1');
}

// Whether the raw tracepoint tells as much of an entry as its payload: the vCPU, or nothing of it.
bool entry_needs_no_payload(const KernelBtf *vmlinux)
{
	return !PayloadFields().has(FIELD_ENTRY_VCPU_ID) || entry_tells_vcpu(vmlinux);
}

// The programs of an object whose names begin so, on tracepoints that this kernel has.
std::vector<std::string> detail_programs(const bpf_object *object, const std::string &begin)
{
	std::vector<std::string> names;
	bpf_program *program;
	bpf_object__for_each_program(program, object)
	{
		std::string name = bpf_program__name(program), section = bpf_program__section_name(program);
		if (!name.compare(0, begin.size(), begin) &&
		    has_event(section.substr(section.rfind('/') + 1)))
			names.push_back(name);
	}
	return names;
}

// In the order in which they attach: the ends of intervals before their beginnings.
std::vector<std::string> names_of(const bpf_object *object, const Options &options, Attach way,
				  const DirectSupport &support, const KernelBtf *structs)
{
	std::vector<std::string> wanted;
	const char *purpose = options.slow ? "slow" : options.histograms ? "histogram" : "time";
	bool direct = way == Attach::Direct;
	if (options.returns) {
		std::string begin = options.histograms ? "direct_run_histogram" : "direct_run_time";
		wanted = direct ? std::vector<std::string>{"direct_vcpu_end", begin, "direct_run_return"}
				: std::vector<std::string>{"record_thread_end",
							   entry_needs_no_payload(structs) ? "record_raw_run"
											   : "record_run",
							   "record_run_return"};
		if (!direct && options.details)
			for (const std::string &name : detail_programs(object, kRunDetails))
				wanted.push_back(name);
	} else if (way == Attach::Raw) {
		wanted.push_back("raw_vm_end");
		if (options.timing)
			wanted.push_back(std::string("raw_entry_") + purpose);
		wanted.push_back(options.timing ? "raw_exit_time" : "raw_exit_count");
	} else if (direct) {
		const Vendor &vendor = *loaded_vendor();
		std::string cast = support.casts() ? "_cast" : "";
		bool vmx = options.details && vendor.isa == ISA_VMX;
		bool amends = vmx || (options.details && runs_sev_es());
		wanted.push_back(vmx ? "direct_vcpu_end_vmx" : "direct_vcpu_end");
		if (options.timing)
			wanted.push_back(std::string("direct_entry_") +
					 (amends ? std::string(vendor.name) + "_" : "") + purpose +
					 (amends ? cast : ""));
		if (vmx)
			wanted.push_back("direct_fault");
		if (options.net)
			wanted.insert(wanted.end(), {"direct_sched_out", "direct_sched_in"});
		wanted.push_back(std::string("direct_exit_") + vendor.name +
				 (options.timing ? "_time" : "_count") + cast);
	} else {
		wanted.push_back("record_thread_end");
		if (options.timing)
			wanted.push_back(entry_needs_no_payload(structs) ? "record_raw_entry"
									 : "record_entry");
		if (has_event("kvm_nested_vmexit"))
			wanted.push_back("record_nested_exit");
		if (options.reflected) {
			if (!has_event("kvm_nested_vmexit_inject"))
				throw std::runtime_error(
				    "this kernel's KVM has no nested guests; leave --wide out");
			wanted.push_back("record_reflected");
		}
		if (options.details)
			for (const std::string &name : detail_programs(object, kDetails))
				wanted.push_back(name);
		wanted.push_back("record_exit");
	}
	return wanted;
}

// Functions of KVM that the programs attach to in addition to those of each session.
std::vector<std::string> functions_for(const Options &options)
{
	if (options.returns)
		return kRunFunctions;
	return options.net ? kNetFunctions : std::vector<std::string>();
}

} // namespace

uint64_t session_bytes(const Options &options)
{
	return accounts_for(options.max_vcpus) * uint64_t{sizeof(vmexit_account)} +
	       histograms_for(options) * uint64_t{sizeof(vmexit_histogram) + sizeof(uint32_t)} +
	       tables_for(options) * uint64_t{sizeof(vmexit_details) + sizeof(uint32_t)} +
	       (options.slow ? VMEXIT_RING_BYTES : 0);
}

Session::Session(const Options &options)
{
	LogTo log(log_);
	allow_descriptors(0);
	std::unique_ptr<KernelBtf> vmlinux = KernelBtf::read("vmlinux");
	auto may_be = [&](Attach way) { return options.attach == way || options.attach == Attach::Auto; };
	bool needs_record = (options.details && options.slow) || options.reflected;
	if (options.net && (needs_record || !may_be(Attach::Direct)))
		throw std::runtime_error("net times need --attach direct, or auto");
	if (may_be(Attach::Direct) && !needs_record && load_directly(options, vmlinux.get()))
		return;
	bool needs_more = needs_record || options.details || options.returns;
	if (may_be(Attach::Raw) && !needs_more && load_raw(options, vmlinux.get()))
		return;
	// The programs of x86 that read payloads read nothing of KVM's.
	DirectSupport support = has_one_isa() ? direct_support(vmlinux.get()) : DirectSupport();
	load(options, Attach::Record, support.structs ? support.structs : vmlinux.get(), support);
}

bool Session::load_directly(const Options &options, const KernelBtf *vmlinux)
{
	DirectSupport support = direct_support(vmlinux, functions_for(options));
	const char *mend = options.net ? "leave --net out" : "use --attach record";
	return load_supported("directly", support, options.net || options.attach == Attach::Direct, mend,
			      log_, [&] { load(options, Attach::Direct, support.structs, support); });
}

bool Session::load_raw(const Options &options, const KernelBtf *vmlinux)
{
	DirectSupport support = raw_support(vmlinux);
	return load_supported("to raw tracepoints", support, options.attach == Attach::Raw,
			      "leave --attach out", log_,
			      [&] { load(options, Attach::Raw, support.structs, support); });
}

Session::~Session()
{
	unload();
}

void Session::unload()
{
	ring_.reset();
	accounts_.reset();
	histograms_.reset();
	details_.reset();
	programs_.reset();
}

void Session::stop()
{
	programs_->detach();
	stopped_ = true;
}

void Session::load(const Options &options, Attach way, const KernelBtf *structs, const DirectSupport &support)
{
	way_ = way;
	try {
		load_and_attach(options, structs, support);
	} catch (...) {
		unload();
		throw;
	}
}

void Session::load_and_attach(const Options &options, const KernelBtf *structs, const DirectSupport &support)
{
	std::optional<KernelNames> names;
	if (way_ != Attach::Record || has_one_isa())
		names.emplace(support);
	CoreBtf core_btf(structs);
	Object object = core_btf.open(options.object);
	std::vector<std::string> wanted = names_of(object.get(), options, way_, support, structs);
	programs_.emplace(std::move(object), wanted);
	bpf_program__set_autoload(programs_->program(kFillPool),
				  options.histograms || (options.details && !options.slow));
	if (names)
		for (bpf_program *program : programs_->chosen())
			names->put_into(program);
	configure(options);
	map_bytes_ = session_bytes(options);
	programs_->load(map_bytes_);
	programs_->fill_filter("pids", options.pids);
	programs_->fill_filter("vcpu_ids", options.vcpu_ids);
	programs_->fill_filter("reasons", options.reasons);
	fill_pool();
	map_memory();
	programs_->attach();
}

void Session::configure(const Options &options)
{
	account_count_ = accounts_for(options.max_vcpus);
	vmexit_config config = {};
	config.account_mask = account_count_ - 1;
	config.timing = options.timing;
	config.histograms = options.histograms;
	config.slow = options.slow;
	config.slow_ns = options.slow_ns;
	config.filter_pids = options.filter_pids;
	config.filter_vcpus = options.filter_vcpus;
	config.reasons = options.reasons_mode;
	PayloadFields fields;
	config.entry_has_vcpu_id = fields.has(FIELD_ENTRY_VCPU_ID);
	if (way_ == Attach::Record) {
		if (options.filter_vcpus &&
		    !fields.has(options.returns ? FIELD_ENTRY_VCPU_ID : FIELD_EXIT_VCPU_ID))
			throw std::runtime_error(
			    "this kernel's kvm_exit doesn't tell the vCPU; leave --vcpu out");
		// Else it is read from each exit, which takes an instruction.
		if (const Vendor *vendor = loaded_vendor())
			fields.know(FIELD_EXIT_ISA, vendor->isa);
		for (bpf_program *program : programs_->chosen())
			fields.put_into(program);
	}
	programs_->set_constant(".rodata.config", &config, sizeof(config));
	bpf_map__set_max_entries(programs_->map("accounts"), account_count_);
	bpf_map__set_max_entries(programs_->map("claims"), account_count_);
	if (options.filter_pids || options.filter_vcpus)
		for (const char *name : {"left_out", "bare_threads"})
			bpf_map__set_max_entries(programs_->map(name), 1u << VMEXIT_LEFT_OUT_LOG2);
	max_vcpus_ = options.max_vcpus;
	histogram_count_ = histograms_for(options);
	table_count_ = tables_for(options);
	for (const char *name : {"details", "free_details"})
		bpf_map__set_max_entries(programs_->map(name), std::max(table_count_, 1u));
	bpf_map__set_max_entries(programs_->map("histograms"), std::max(histogram_count_, 1u));
	bpf_map__set_max_entries(programs_->map("free_histograms"), std::max(histogram_count_, 1u));
	if (options.returns) {
		bpf_map__set_max_entries(programs_->map("runs"), 1u << VMEXIT_RUNS_LOG2);
		bpf_map__set_max_entries(programs_->map("crowded_runs"), options.max_vcpus);
	}
	if (options.slow)
		bpf_map__set_max_entries(programs_->map("events"), VMEXIT_RING_BYTES);
}

void Session::fill_pool()
{
	if (!histogram_count_ && !table_count_)
		return;
	bpf_program *fill = programs_->program(kFillPool);
	for (uint64_t vcpu = 0; vcpu < max_vcpus_; vcpu++) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &vcpu, .ctx_size_in = sizeof(vcpu));
		int error = bpf_prog_test_run_opts(bpf_program__fd(fill), &run);
		if (error || run.retval)
			fail("cannot fill the pools of histograms and details", error ? error : ENOSPC);
	}
	bpf_program__unload(fill);
}

void Session::map_memory()
{
	accounts_.emplace(bpf_map__fd(programs_->map("accounts")), account_count_, PROT_READ | PROT_WRITE,
			  "the accounts");
	if (histogram_count_)
		histograms_.emplace(bpf_map__fd(programs_->map("histograms")), histogram_count_,
				    PROT_READ | PROT_WRITE, "the histograms");
	if (table_count_)
		details_.emplace(bpf_map__fd(programs_->map("details")), table_count_, PROT_READ | PROT_WRITE,
				 "the details");
	auto keep = [](void *context, void *data, size_t size) {
		auto *session = static_cast<Session *>(context);
		if (size == sizeof(vmexit_event))
			session->events_.push_back(*static_cast<vmexit_event *>(data));
		// Guests may fill the ring as fast as this empties it: the rest is for the next time.
		return session->events_.size() < session->most_events_ ? 0 : -EAGAIN;
	};
	ring_.reset(ring_buffer__new(bpf_map__fd(programs_->map("events")), keep, this, nullptr));
	if (!ring_)
		fail("cannot map the ring buffer", errno);
}

std::vector<vmexit_event> Session::take_events(uint32_t most)
{
	LogTo log(log_);
	most_events_ = most;
	ring_buffer__consume(ring_.get());
	return std::move(events_);
}

uint64_t Session::read_histogram(uint32_t index, uint32_t slot, Snapshot &snapshot)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < VMEXIT_BUCKETS; i++)
		if (uint64_t count = __atomic_load_n(&(*histograms_)[index].buckets[i], __ATOMIC_RELAXED)) {
			snapshot.buckets.push_back({slot, static_cast<uint8_t>(i), count});
			sum += count;
		}
	return sum;
}

void Session::read_slot_and_histogram(const vmexit_slot &slot, uint32_t index, Snapshot &snapshot)
{
	// A histogram is read in some 100 ns; exits that are filed meanwhile are in the next reading.
	const int tries = 8;
	size_t begin = snapshot.buckets.size();
	SlotRow &row = snapshot.slots.back();
	for (int i = 0; i < tries; i++) {
		snapshot.buckets.resize(begin);
		row.count = __atomic_load_n(&slot.count, __ATOMIC_ACQUIRE);
		row.total_ns = __atomic_load_n(&slot.total_ns, __ATOMIC_ACQUIRE);
		uint64_t sum = read_histogram(index, snapshot.slots.size() - 1, snapshot);
		if (sum == row.count)
			return;
		// The last try is of what the histogram has.
		if (i == tries - 1 && sum)
			row.count = sum;
	}
}

vmexit_details *Session::details_of(const vmexit_account &account)
{
	return account.details && account.details <= table_count_ ? &(*details_)[account.details - 1]
								  : nullptr;
}

void Session::read_slot(vmexit_slot &slot, uint64_t detail, uint32_t histogram, Snapshot &snapshot)
{
	if (!slot.key || !slot.count)
		return;
	// The one word that both sides write: what the thread stores later is a maximum since now.
	uint64_t max_ns = __atomic_exchange_n(&slot.max_ns, 0, __ATOMIC_RELAXED);
	uint32_t vcpu = snapshot.vcpus.size() - 1;
	snapshot.slots.push_back({vcpu, Key(slot.key), detail, slot.count, slot.total_ns, max_ns});
	if (histogram && histogram <= histogram_count_ && snapshot.slots.back().key.timed)
		read_slot_and_histogram(slot, histogram - 1, snapshot);
}

void Session::read_account(vmexit_account &account, bool ended, Snapshot &snapshot)
{
	snapshot.vcpus.push_back({account.tgid, account.tid, account.vcpu_id, account.start_ns, ended,
				  std::string(account.comm, strnlen(account.comm, VMEXIT_COMM))});
	for (uint32_t i = 0; i < VMEXIT_SLOTS; i++)
		read_slot(account.slots[i], 0, account.histograms[i], snapshot);
	if (vmexit_details *table = details_of(account))
		for (vmexit_detail_slot &slot : table->slots)
			read_slot(slot.slot, slot.detail, slot.histogram, snapshot);
	if (account.exit.key && (ended || stopped_)) {
		vmexit_slot open = {account.exit.key | VMEXIT_KEY_UNTIMED, 1, 0, 0};
		read_slot(open, account.exit.detail, 0, snapshot);
	}
}

void Session::free_histogram(uint32_t index_plus_one)
{
	if (!index_plus_one || index_plus_one > histogram_count_)
		return;
	uint32_t index = index_plus_one - 1;
	memset(&(*histograms_)[index], 0, sizeof(vmexit_histogram));
	bpf_map__update_elem(programs_->map("free_histograms"), nullptr, 0, &index, sizeof(index), BPF_ANY);
}

void Session::free_account(uint32_t index)
{
	for (uint32_t histogram : (*accounts_)[index].histograms)
		free_histogram(histogram);
	if (vmexit_details *table = details_of((*accounts_)[index])) {
		for (const vmexit_detail_slot &slot : table->slots)
			free_histogram(slot.histogram);
		memset(table, 0, sizeof(*table));
		uint32_t free = (*accounts_)[index].details - 1;
		bpf_map__update_elem(programs_->map("free_details"), nullptr, 0, &free, sizeof(free),
				     BPF_ANY);
	}
	memset(&(*accounts_)[index], 0, sizeof(vmexit_account));
	// Only when it is empty may another vCPU claim it.
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	bpf_map__delete_elem(programs_->map("claims"), &index, sizeof(index), 0);
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
	if (int error = bpf_map__lookup_elem(programs_->map(".bss.losses"), &only, sizeof(only),
					     &snapshot.losses, sizeof(snapshot.losses), 0))
		fail("cannot read what was lost", error);
	snapshot.missed = programs_->missed();
	return snapshot;
}

} // namespace vmexit
