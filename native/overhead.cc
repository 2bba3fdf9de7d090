// SPDX-License-Identifier: MIT
// The kernel's run time statistics of the programs that this process holds, whichever class opened them.
#include "overhead.h"
#include "kernel/handles.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

namespace vmexit
{
namespace
{

struct DirClose {
	void operator()(DIR *dir) const
	{
		closedir(dir);
	}
};

bool is_program(int folder, const char *name)
{
	char target[32] = {};
	return readlinkat(folder, name, target, sizeof(target) - 1) > 0 &&
	       !strcmp(target, "anon_inode:bpf-prog");
}

// A program's name as its types have it: bpf_prog_info keeps its first 15 characters.
std::string whole_name(int fd, const bpf_prog_info &program)
{
	bpf_func_info first = {};
	bpf_prog_info asked = {};
	asked.nr_func_info = 1;
	asked.func_info_rec_size = sizeof(first);
	asked.func_info = reinterpret_cast<uintptr_t>(&first);
	uint32_t length = sizeof(asked);
	if (!bpf_obj_get_info_by_fd(fd, &asked, &length) && asked.nr_func_info) {
		Btf types(btf__load_from_kernel_by_id(program.btf_id));
		const btf_type *function = types ? btf__type_by_id(types.get(), first.type_id) : nullptr;
		const char *name = function ? btf__name_by_offset(types.get(), function->name_off) : nullptr;
		if (name)
			return name;
	}
	return std::string(program.name, strnlen(program.name, sizeof(program.name)));
}

// Asked for once: types are given out to CAP_SYS_ADMIN, which a tool gives up.
std::string name_of(int fd, const bpf_prog_info &program)
{
	static std::map<uint32_t, std::string> known;
	auto [entry, fresh] = known.try_emplace(program.id);
	if (fresh)
		entry->second = whole_name(fd, program);
	return entry->second;
}

} // namespace

Napi::Value enable_run_statistics(const Napi::CallbackInfo &info)
{
	// Since Linux 5.8: d46edd671a147032e22cfeb271a5734703093649.
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (fd < 0)
		throw Napi::Error::New(info.Env(), strerror(errno));
	return Napi::Number::New(info.Env(), fd);
}

Napi::Value run_statistics(const Napi::CallbackInfo &info)
{
	Napi::Env env = info.Env();
	std::unique_ptr<DIR, DirClose> folder(opendir("/proc/self/fd"));
	if (!folder)
		throw Napi::Error::New(env, std::string("/proc/self/fd: ") + strerror(errno));
	Napi::Array list = Napi::Array::New(env);
	std::set<uint32_t> seen;
	while (const dirent *entry = readdir(folder.get())) {
		bpf_prog_info program = {};
		uint32_t length = sizeof(program);
		int fd = atoi(entry->d_name);
		if (!is_program(dirfd(folder.get()), entry->d_name) ||
		    bpf_obj_get_info_by_fd(fd, &program, &length) || !seen.insert(program.id).second)
			continue;
		Napi::Object to = Napi::Object::New(env);
		to.Set("name", name_of(fd, program));
		to.Set("runNs", static_cast<double>(program.run_time_ns));
		to.Set("runCount", static_cast<double>(program.run_cnt));
		to.Set("verifiedInsns", program.verified_insns);
		to.Set("jitedBytes", program.jited_prog_len);
		list.Set(list.Length(), to);
	}
	return list;
}

} // namespace vmexit
