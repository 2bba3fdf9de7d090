// SPDX-License-Identifier: MIT
// The programs that split vCPUs' time by what they do: loading them, reading their accounts.
#include "splitter.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../kernel/accounts.h"
#include "../kernel/core_btf.h"
#include "../kernel/descriptor.h"
#include "../kernel/error.h"
#include "../kernel/log.h"
#include "../kernel/names.h"

namespace vmexit
{
namespace
{

// Of an account that is read while its vCPU's thread writes to it, which takes some 100 ns every us at most.
constexpr int kTries = 1000;
constexpr char kIterator[] = "iter/task_file";

static_assert(sizeof(split_account) % 8 == 0, "an array map rounds its elements up to 8 bytes");

// Programs on functions, by their sections.
const std::vector<std::string> kFunctions = {"fentry/kvm_arch_vcpu_ioctl_run", "fentry/kvm_sched_out",
					     "fentry/kvm_sched_in"};

// In the order in which they attach: an account begins with a program that knows what ends.
std::vector<std::string> names_of(const char *way, const std::string &existing)
{
	std::vector<std::string> names;
	for (const char *name : {"end", "out", "in", "ran", "run", "entry", "exit"})
		names.push_back(std::string(way) + "_" + name);
	names.push_back(existing);
	return names;
}

uint64_t monotonic_ns()
{
	timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

// Whether a copy is of one moment: all activities together are the time since the account began.
bool is_whole(const split_account &account)
{
	uint64_t sum = 0;
	for (uint64_t ns : account.ns)
		sum += ns;
	return sum == account.since_ns - account.first_ns;
}

split_account copy_of(const split_account &account)
{
	split_account copy;
	for (int i = 0; i < kTries; i++) {
		memcpy(&copy, &account, sizeof(copy));
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (is_whole(copy))
			break;
	}
	return copy;
}

// Of what was booked while the accounts were being read, the later part, in proportion to all: whole
// activities are known, not when they were. What is taken back is there again when it is read next.
void take_back(split_account &account, uint64_t ns)
{
	uint64_t all = account.since_ns - account.first_ns, rest = ns;
	__u64 *most = std::max_element(account.ns, account.ns + SPLIT_ROOM);
	if (!all || ns > all)
		return;
	for (__u64 &each : account.ns) {
		uint64_t share = static_cast<uint64_t>(static_cast<double>(each) / all * ns);
		each -= share;
		rest -= share;
	}
	*most -= std::min<uint64_t>(*most, rest);
}

// Adds what is going on, up to now.
void add_open(split_account &account, uint64_t now)
{
	if (account.out_ns >= account.since_ns) {
		// The thread has no CPU.
		account.ns[account.activity % SPLIT_ROOM] += account.out_ns - account.since_ns;
		uint64_t away = now > account.out_ns ? now - account.out_ns : 0;
		account.ns[account.out_as % SPLIT_ROOM] += away;
		if (account.out_as == SPLIT_IDLE)
			account.max_idle_ns = std::max<uint64_t>(account.max_idle_ns, away);
		if (account.out_as == SPLIT_WAITING)
			account.max_wait_ns = std::max<uint64_t>(account.max_wait_ns, away);
	} else if (now > account.since_ns) {
		account.ns[account.activity % SPLIT_ROOM] += now - account.since_ns;
	} else {
		take_back(account, account.since_ns - now);
	}
}

} // namespace

Splitter::Splitter(const SplitOptions &options)
{
	LogTo log(log_);
	allow_descriptors(0);
	std::unique_ptr<KernelBtf> vmlinux = KernelBtf::read("vmlinux");
	if (options.attach == SplitAttach::Probe || !load_directly(options, vmlinux.get())) {
		// x86's vmlinux has KVM's structs, too.
		DirectSupport support = has_one_isa() ? direct_support(vmlinux.get()) : DirectSupport();
		load(options, support.structs ? support.structs : vmlinux.get(), DirectSupport(), false);
	}
	find_existing();
}

bool Splitter::load_directly(const SplitOptions &options, const KernelBtf *vmlinux)
{
	DirectSupport support = direct_support(vmlinux, kFunctions);
	return load_supported("directly", support, options.attach == SplitAttach::Direct,
			      "use --attach probe", log_, [&] {
				      support.targets_of_vmlinux[kIterator] =
					  vmlinux->find("bpf_iter_task_file", BTF_KIND_FUNC);
				      load(options, support.structs, support, true);
			      });
}

void Splitter::load(const SplitOptions &options, const KernelBtf *structs, const DirectSupport &support,
		    bool direct)
{
	DirectSupport targets;
	targets.module = support.module;
	targets.targets = support.targets;
	targets.targets_of_vmlinux = support.targets_of_vmlinux;
	if (!direct && structs)
		targets.targets_of_vmlinux[kIterator] = structs->find("bpf_iter_task_file", BTF_KIND_FUNC);
	KernelNames names(targets);
	CoreBtf core_btf(structs);
	direct_ = direct;
	existing_ = direct ? "existing" : "existing_plain";
	programs_.emplace(core_btf.open(options.object), names_of(direct ? "direct" : "probe", existing_));
	for (bpf_program *program : programs_->chosen())
		names.put_into(program);
	account_count_ = accounts_for(options.max_vcpus);
	split_config config = {};
	config.account_mask = account_count_ - 1;
	config.filter_pids = options.filter_pids;
	config.filter_vcpus = options.filter_vcpus;
	programs_->set_constant(".rodata.config", &config, sizeof(config));
	for (const char *name : {"accounts", "claims", "owners", "threads"})
		bpf_map__set_max_entries(programs_->map(name), account_count_);
	if (options.filter_pids || options.filter_vcpus)
		bpf_map__set_max_entries(programs_->map("left_out"), 1u << VMEXIT_LEFT_OUT_LOG2);
	map_bytes_ = splitter_bytes(options.max_vcpus);
	programs_->load(map_bytes_);
	programs_->fill_filter("pids", options.pids);
	programs_->fill_filter("vcpu_ids", options.vcpu_ids);
	accounts_.emplace(bpf_map__fd(programs_->map("accounts")), account_count_, PROT_READ | PROT_WRITE,
			  "the accounts");
	programs_->attach(existing_.c_str());
}

// Runs the iterator over all processes' open files; what it finds it writes into accounts.
void Splitter::find_existing()
{
	bpf_program *program = programs_->chosen().back();
	bpf_link *link = bpf_program__attach_iter(program, nullptr);
	if (!link)
		fail("cannot look for the vCPUs that are there", errno);
	Descriptor iterator(bpf_iter_create(bpf_link__fd(link)));
	int error = errno;
	bpf_link__destroy(link);
	if (iterator.get() < 0)
		fail("cannot look for the vCPUs that are there", error);
	char byte;
	ssize_t got;
	// EAGAIN: it has seen a million files, and goes on.
	do
		got = ::read(iterator.get(), &byte, sizeof(byte));
	while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
	if (got < 0)
		fail("cannot look for the vCPUs that are there", errno);
}

uint64_t splitter_bytes(uint32_t max_vcpus)
{
	return accounts_for(max_vcpus) * uint64_t{sizeof(split_account)};
}

void Splitter::read_account(split_account &account, bool ended, SplitSnapshot &snapshot)
{
	// The words that both sides write: what the thread stores later is a maximum since now.
	uint64_t max_wait_ns = __atomic_exchange_n(&account.max_wait_ns, 0, __ATOMIC_RELAXED);
	uint64_t max_idle_ns = __atomic_exchange_n(&account.max_idle_ns, 0, __ATOMIC_RELAXED);
	split_account copy = copy_of(account);
	copy.max_wait_ns = max_wait_ns;
	copy.max_idle_ns = max_idle_ns;
	if (!ended)
		add_open(copy, snapshot.at_ns);
	copy.ns[SPLIT_KVM] += copy.ns[SPLIT_UNKNOWN];
	SplitRow row = {copy.tgid,
			copy.tid,
			copy.vcpu_id,
			copy.start_ns,
			ended,
			std::string(copy.comm, strnlen(copy.comm, VMEXIT_COMM)),
			{},
			copy.exits,
			copy.returns,
			copy.wakeups,
			copy.migrations,
			copy.max_wait_ns,
			copy.max_idle_ns};
	std::copy_n(copy.ns, kActivities, row.ns.begin());
	for (uint32_t i = 0; i < VMEXIT_BUCKETS; i++)
		if (copy.waits[i])
			snapshot.waits.push_back({static_cast<uint32_t>(snapshot.vcpus.size()),
						  static_cast<uint8_t>(i), copy.waits[i]});
	snapshot.vcpus.push_back(std::move(row));
}

SplitSnapshot Splitter::snapshot()
{
	SplitSnapshot snapshot;
	snapshot.at_ns = monotonic_ns();
	for (uint32_t i = 0; i < account_count_; i++) {
		split_account &account = (*accounts_)[i];
		uint32_t state = __atomic_load_n(&account.state, __ATOMIC_ACQUIRE);
		if (state == VMEXIT_FREE)
			continue;
		read_account(account, state == VMEXIT_ENDED, snapshot);
		if (state != VMEXIT_ENDED)
			continue;
		memset(&account, 0, sizeof(account));
		// Only when it is empty may another vCPU claim it.
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		bpf_map__delete_elem(programs_->map("claims"), &i, sizeof(i), 0);
	}
	split_losses losses;
	uint32_t only = 0;
	if (int error = bpf_map__lookup_elem(programs_->map(".bss.losses"), &only, sizeof(only), &losses,
					     sizeof(losses), 0))
		fail("cannot read what was lost", error);
	snapshot.accounts_full = losses.accounts_full;
	snapshot.missed = programs_->missed();
	return snapshot;
}

void Splitter::stop()
{
	programs_->detach();
}

} // namespace vmexit
