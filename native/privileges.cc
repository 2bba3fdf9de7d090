// SPDX-License-Identifier: MIT
// Capabilities and no_new_privs belong to a thread, and Node has some seven before a line of JavaScript runs:
// each thread gives up its own, in the handler of a signal.
#include "privileges.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <iterator>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <memory>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace vmexit
{
namespace
{

// SIGSETXID of glibc's nptl, which glibc uses for the same purpose. No thread blocks it or SIGCANCEL. Node's
// thread that waits for SIGUSR1 blocks all other signals.
constexpr int kSignal = 33;
// sizeof(sigset_t) of the kernel, and more than its struct sigaction has on any architecture.
constexpr size_t kKernelSigset = 8, kKernelSigaction = 64;
// A thread in a system call that no signal interrupts (a disk that doesn't answer) is waited for so long.
constexpr int kPatienceMs = 1000;
// Threads that are made meanwhile by threads that keep their capabilities are found by looking again.
constexpr int kMaxRounds = 100;

struct Capabilities {
	uint64_t effective, permitted, inheritable;
};

// What all threads keep, for the handler.
uint64_t kept;
// The user that they become, without supplementary groups; the user that they are, if not.
bool becomes;
uint32_t user, group;
std::atomic<int> answered;

uint64_t bit(unsigned capability)
{
	return uint64_t{1} << capability;
}

bool get(Capabilities &mine)
{
	__user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	__user_cap_data_struct data[2] = {};
	if (syscall(SYS_capget, &header, data))
		return false;
	auto whole = [](uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; };
	mine = {whole(data[0].effective, data[1].effective), whole(data[0].permitted, data[1].permitted),
		whole(data[0].inheritable, data[1].inheritable)};
	return true;
}

bool set(const Capabilities &mine)
{
	__user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	auto part = [&](int shift) -> __user_cap_data_struct {
		return {static_cast<uint32_t>(mine.effective >> shift),
			static_cast<uint32_t>(mine.permitted >> shift),
			static_cast<uint32_t>(mine.inheritable >> shift)};
	};
	__user_cap_data_struct data[2] = {part(0), part(32)};
	return !syscall(SYS_capset, &header, data);
}

// For the calling thread. Makes system calls only: it runs in a signal's handler.
void give_up()
{
	Capabilities mine;
	if (!get(mine))
		return;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	// The bounding set can be narrowed with CAP_SETPCAP only; with no_new_privs it bounds nothing any
	// more.
	if (mine.effective & bit(CAP_SETPCAP))
		for (unsigned capability = 0; capability < 64; capability++)
			if (!(kept & bit(capability)) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
				break;
	if (becomes) {
		// Else the kernel takes those that are kept, too.
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
		syscall(SYS_setgroups, 0, nullptr);
		syscall(SYS_setresgid, group, group, group);
		syscall(SYS_setresuid, user, user, user);
	}
	set({mine.effective & kept, mine.permitted & kept, 0});
}

void on_signal(int)
{
	int error = errno;
	give_up();
	answered.store(1, std::memory_order_release);
	errno = error;
}

// The handler of kSignal, as long as this lives. glibc's sigaction() refuses that signal, and the kernel
// wants glibc's way back from a handler with it: it is taken from a signal that may be set.
class Handler
{
public:
	Handler()
	{
		struct sigaction mine = {}, before;
		mine.sa_handler = on_signal;
		mine.sa_flags = SA_RESTART;
		sigfillset(&mine.sa_mask);
		char raw[kKernelSigaction] = {};
		if (sigaction(SIGRTMAX, &mine, &before))
			fail();
		bool got = !syscall(SYS_rt_sigaction, SIGRTMAX, nullptr, raw, kKernelSigset);
		sigaction(SIGRTMAX, &before, nullptr);
		if (!got || syscall(SYS_rt_sigaction, kSignal, raw, before_, kKernelSigset))
			fail();
	}
	~Handler()
	{
		syscall(SYS_rt_sigaction, kSignal, before_, nullptr, kKernelSigset);
	}
	Handler(const Handler &) = delete;
	Handler &operator=(const Handler &) = delete;

private:
	[[noreturn]] static void fail()
	{
		throw std::runtime_error(std::string("cannot reach this process's threads: ") +
					 strerror(errno));
	}
	char before_[kKernelSigaction] = {};
};

struct Close {
	void operator()(DIR *folder) const
	{
		closedir(folder);
	}
	void operator()(FILE *file) const
	{
		fclose(file);
	}
};

std::vector<pid_t> threads()
{
	std::unique_ptr<DIR, Close> folder(opendir("/proc/self/task"));
	if (!folder)
		throw std::runtime_error(std::string("/proc/self/task: ") + strerror(errno));
	std::vector<pid_t> list;
	while (const dirent *entry = readdir(folder.get()))
		if (entry->d_name[0] != '.')
			list.push_back(atoi(entry->d_name));
	return list;
}

// Whether a thread has no more than it should; one that has ended has nothing.
bool is_bare(pid_t thread)
{
	std::unique_ptr<FILE, Close> file(
	    fopen(("/proc/self/task/" + std::to_string(thread) + "/status").c_str(), "re"));
	if (!file)
		return true;
	char line[256];
	bool bare = true;
	while (fgets(line, sizeof(line), file.get())) {
		unsigned long long value;
		int privileges;
		char set[4] = {};
		uint32_t ids[4];
		auto is = [&](const char *format, uint32_t id) {
			return sscanf(line, format, &ids[0], &ids[1], &ids[2], &ids[3]) != 4 ||
			       std::all_of(std::begin(ids), std::end(ids),
					   [&](uint32_t one) { return one == id; });
		};
		if (becomes)
			bare = bare && is("Uid: %u %u %u %u", user) && is("Gid: %u %u %u %u", group);
		if (sscanf(line, "NoNewPrivs: %d", &privileges) == 1)
			bare = bare && privileges == 1;
		else if (sscanf(line, "Cap%3[A-Za-z]: %llx", set, &value) == 2 && strcmp(set, "Bnd"))
			bare = bare && !(value & ~kept);
	}
	return bare;
}

bool exists(pid_t thread)
{
	return !syscall(SYS_tgkill, getpid(), thread, 0);
}

// Has a thread give up its own, and waits until it has.
void tell(pid_t thread)
{
	answered.store(0, std::memory_order_relaxed);
	if (syscall(SYS_tgkill, getpid(), thread, kSignal))
		return;
	timespec pause = {0, 20000};
	for (int ns = 0; !answered.load(std::memory_order_acquire); ns += pause.tv_nsec) {
		if (ns / 1000000 >= kPatienceMs)
			throw std::runtime_error("thread " + std::to_string(thread) +
						 " of this process doesn't give up its capabilities");
		nanosleep(&pause, nullptr);
		if (!exists(thread))
			return;
	}
}

// Whether bpf() refuses a thread that has no capabilities even what needs none, a map that is open: before
// Linux 6.0, unless kernel.unprivileged_bpf_disabled is 0. c8644cd0efe7 ("bpf: refine
// kernel.unprivileged_bpf_disabled behaviour").
bool maps_need_capability(const Capabilities &mine)
{
	set({mine.effective & ~(bit(CAP_BPF) | bit(CAP_SYS_ADMIN)), mine.permitted, mine.inheritable});
	bpf_attr attributes = {};
	attributes.info.bpf_fd = static_cast<uint32_t>(-1);
	bool refused =
	    syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes)) && errno == EPERM;
	set(mine);
	return refused;
}

} // namespace

Napi::Value drop_privileges(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	becomes = info.Length() >= 4;
	if (info.Length() < 2 || !info[0].IsArray() || !info[1].IsBoolean() ||
	    (becomes && !(info[2].IsNumber() && info[3].IsNumber())))
		throw Napi::TypeError::New(
		    env, "dropPrivileges takes an array of capabilities, a boolean, and a user and group");
	if (becomes) {
		user = info[2].As<Napi::Number>().Uint32Value();
		group = info[3].As<Napi::Number>().Uint32Value();
	}
	Napi::Array list = info[0].As<Napi::Array>();
	Capabilities mine;
	if (!get(mine))
		throw Napi::Error::New(env, std::string("cannot ask for capabilities: ") + strerror(errno));
	kept = 0;
	for (uint32_t i = 0; i < list.Length(); i++)
		kept |= bit(list.Get(i).As<Napi::Number>().Uint32Value() % 64);
	if (info[1].As<Napi::Boolean>() && maps_need_capability(mine))
		kept |= bit(CAP_BPF);
	// A caller may have only CAP_SYS_ADMIN, which is older and includes both.
	if (kept & ~mine.permitted & (bit(CAP_BPF) | bit(CAP_PERFMON)))
		kept |= bit(CAP_SYS_ADMIN);
	try {
		// What this thread makes is bare from here on.
		give_up();
		Handler handler;
		for (int round = 0; round < kMaxRounds; round++) {
			bool all = true;
			for (pid_t thread : threads())
				if (!is_bare(thread)) {
					all = false;
					tell(thread);
				}
			if (all)
				return env.Undefined();
		}
		throw std::runtime_error(
		    "this process makes threads faster than they give up their capabilities");
	} catch (const std::exception &error) {
		throw Napi::Error::New(env, error.what());
	}
}

} // namespace vmexit
