// SPDX-License-Identifier: MIT
// What libbpf looks at to find fields in the kernel's structs (CO-RE): those that the BPF programs name, in a
// file, instead of all types of vmlinux and of each module, which it would walk through once for each struct.
#include "core_btf.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>
#include <unordered_map>

namespace vmexit
{
namespace
{

constexpr std::string_view kFlavour = "___";

struct Wanted {
	std::set<std::string_view> members;
	const btf_type *in_kernel = nullptr;
	int written = 0; // its number in the excerpt; 0: not yet
};

// A member of a struct, or of the unnamed ones within it.
struct Member {
	uint32_t type;
	uint32_t bit_offset; // in the outermost struct
	uint32_t bits;       // of a bit field; 0: it is none
};

class Excerpt
{
public:
	Excerpt(const btf *programs, const KernelBtf &kernel) : kernel_(kernel), excerpt_(btf__new_empty())
	{
		check(excerpt_ ? 0 : -ENOMEM);
		for (uint32_t id = 1; id < btf__type_cnt(programs); id++)
			want(programs, btf__type_by_id(programs, id));
		kernel.for_each_struct([&](const btf_type *type) {
			if (auto found = wanted_.find(kernel_.name(type)); found != wanted_.end())
				found->second.in_kernel = type;
		});
		for (auto &[name, wanted] : wanted_)
			if (wanted.in_kernel)
				write_struct(wanted);
	}

	std::string_view bytes() const
	{
		uint32_t size = 0;
		const void *data = btf__raw_data(excerpt_.get(), &size);
		return {static_cast<const char *>(data), size};
	}

private:
	void want(const btf *programs, const btf_type *type)
	{
		if (!btf_is_composite(type) || !type->name_off)
			return;
		std::string_view name = btf__name_by_offset(programs, type->name_off);
		Wanted &wanted = wanted_[name.substr(0, name.find(kFlavour))];
		for (int i = 0; i < btf_vlen(type); i++)
			wanted.members.insert(btf__name_by_offset(programs, btf_members(type)[i].name_off));
	}

	std::optional<Member> find_member(const btf_type *type, std::string_view name) const
	{
		for (int i = 0; i < btf_vlen(type); i++) {
			const btf_member &member = btf_members(type)[i];
			uint32_t offset = btf_member_bit_offset(type, i);
			if (kernel_.name(member.name_off) == name)
				return Member{member.type, offset, btf_member_bitfield_size(type, i)};
			const btf_type *unnamed = unqualified(member.type);
			if (member.name_off || !btf_is_composite(unnamed))
				continue;
			if (auto inner = find_member(unnamed, name)) {
				inner->bit_offset += offset;
				return inner;
			}
		}
		return std::nullopt;
	}

	const btf_type *unqualified(uint32_t id) const
	{
		const btf_type *type = kernel_.type(id);
		while (btf_is_mod(type) || btf_is_typedef(type) || btf_kind(type) == BTF_KIND_TYPE_TAG)
			type = kernel_.type(type->type);
		return type;
	}

	int write_struct(Wanted &wanted)
	{
		if (wanted.written)
			return wanted.written;
		const btf_type *type = wanted.in_kernel;
		std::vector<std::pair<std::string, Member>> members;
		for (std::string_view name : wanted.members)
			if (std::optional<Member> member = find_member(type, name)) {
				// Written before the struct, which its members have to follow directly.
				member->type = write_type(unqualified(member->type));
				members.emplace_back(name, *member);
			}
		auto add = btf_is_union(type) ? btf__add_union : btf__add_struct;
		wanted.written = check(add(excerpt_.get(), kernel_.name(type), type->size));
		for (const auto &[name, member] : members)
			check(btf__add_field(excerpt_.get(), name.c_str(), member.type, member.bit_offset,
					     member.bits));
		return wanted.written;
	}

	// Pointers are to void, and what libbpf doesn't follow either is void.
	int write_type(const btf_type *type)
	{
		btf *excerpt = excerpt_.get();
		switch (btf_kind(type)) {
		case BTF_KIND_INT:
			return check(
			    btf__add_int(excerpt, kernel_.name(type), type->size, btf_int_encoding(type)));
		case BTF_KIND_PTR:
			return check(btf__add_ptr(excerpt, 0));
		case BTF_KIND_ARRAY: {
			int element = write_type(unqualified(btf_array(type)->type));
			return check(btf__add_array(excerpt, element, element, btf_array(type)->nelems));
		}
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION: {
			auto found = wanted_.find(kernel_.name(type));
			return found == wanted_.end() ? 0 : write_struct(found->second);
		}
		default:
			return 0;
		}
	}

	static int check(int result)
	{
		if (result < 0)
			throw std::runtime_error(std::string("cannot write down the kernel's types: ") +
						 strerror(-result));
		return result;
	}

	const KernelBtf &kernel_;
	Btf excerpt_;
	std::unordered_map<std::string_view, Wanted> wanted_; // by name without flavour
};

} // namespace

std::runtime_error load_error(int error)
{
	std::string what = "cannot load the BPF programs: ";
	if (error == -ESRCH) // libbpf's, where it finds no BTF that it can read
		return std::runtime_error(what +
					  "the kernel's BTF (/sys/kernel/btf/vmlinux) can't be read, or has "
					  "types that this version doesn't know; install a newer one");
	if (error == -EMFILE)
		return std::runtime_error(what + strerror(-error) + "; raise ulimit -n");
	return std::runtime_error(what + strerror(-error));
}

CoreBtf::CoreBtf(const KernelBtf *kernel) : kernel_(kernel)
{
	if (!kernel)
		return;
	file_ = memfd_create("kvm-vmexit-btf", MFD_CLOEXEC);
	if (file_ < 0)
		throw std::runtime_error(std::string("cannot make a file in memory: ") + strerror(errno));
	path_ = "/proc/self/fd/" + std::to_string(file_);
}

CoreBtf::~CoreBtf()
{
	if (file_ >= 0)
		close(file_);
}

Object CoreBtf::open(const std::string &path)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	// Read when the object is loaded.
	if (kernel_)
		options.btf_custom_path = path_.c_str();
	Object object(bpf_object__open_file(path.c_str(), &options));
	if (!object)
		throw std::runtime_error("cannot open the BPF object " + path + ": " + strerror(errno));
	if (kernel_) {
		Excerpt excerpt(bpf_object__btf(object.get()), *kernel_);
		std::string_view bytes = excerpt.bytes();
		if (write(file_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
			throw std::runtime_error("cannot write down the kernel's types");
	}
	return object;
}

} // namespace vmexit
