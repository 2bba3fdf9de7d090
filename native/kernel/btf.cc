// SPDX-License-Identifier: MIT
// The types of the running kernel, as it gives them out. libbpf's reading takes several times as many
// instructions, which were a quarter of a tool's start.
#include "btf.h"

#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

namespace vmexit
{
namespace
{

// Bytes that follow a btf_type, by its kind: once, and for each of its btf_vlen() elements.
struct Tail {
	uint8_t once, each;
};

// include/uapi/linux/btf.h, in its order.
constexpr Tail kTails[] = {
    {},
    {sizeof(uint32_t), 0}, // BTF_KIND_INT
    {},
    {sizeof(struct btf_array), 0},
    {0, sizeof(btf_member)}, // BTF_KIND_STRUCT
    {0, sizeof(btf_member)},
    {0, sizeof(struct btf_enum)},
    {},
    {}, // BTF_KIND_TYPEDEF
    {},
    {},
    {},
    {}, // BTF_KIND_FUNC
    {0, sizeof(btf_param)},
    {sizeof(struct btf_var), 0},
    {0, sizeof(btf_var_secinfo)},
    {}, // BTF_KIND_FLOAT
    {sizeof(uint32_t), 0},
    {},
    {0, 3 * sizeof(uint32_t)}, // BTF_KIND_ENUM64
};

// Empty if it can't be read.
std::string read_file(const std::string &path)
{
	int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return "";
	struct stat status = {};
	fstat(file, &status);
	std::string data(status.st_size, '\0');
	size_t length = 0;
	for (ssize_t n; (n = read(file, &data[length], data.size() - length)) > 0;)
		length += n;
	close(file);
	data.resize(length);
	return data;
}

} // namespace

KernelBtf::KernelBtf(const std::string &name, const KernelBtf *base)
    : base_(base), data_(read_file("/sys/kernel/btf/" + name)),
      first_string_(base ? base->strings_length_ : 0),
      first_id_(base ? base->first_id_ + base->offsets_.size() : 1)
{
}

std::unique_ptr<KernelBtf> KernelBtf::read(const std::string &name, const KernelBtf *base)
{
	std::unique_ptr<KernelBtf> types(new KernelBtf(name, base));
	return types->index() ? std::move(types) : nullptr;
}

bool KernelBtf::index()
{
	btf_header header = {};
	if (data_.size() < sizeof(header))
		return false;
	memcpy(&header, data_.data(), sizeof(header));
	uint64_t types = uint64_t{header.hdr_len} + header.type_off;
	uint64_t strings = uint64_t{header.hdr_len} + header.str_off;
	if (header.magic != BTF_MAGIC || types + header.type_len > data_.size() || !header.str_len ||
	    strings + header.str_len > data_.size() || data_[strings + header.str_len - 1])
		return false;
	types_ = data_.data() + types;
	strings_ = data_.data() + strings;
	strings_length_ = header.str_len;
	uint64_t offset = 0;
	while (offset + sizeof(btf_type) <= header.type_len) {
		auto *type = reinterpret_cast<const btf_type *>(types_ + offset);
		if (btf_kind(type) >= std::size(kTails))
			return false;
		offsets_.push_back(offset);
		const Tail &tail = kTails[btf_kind(type)];
		offset += sizeof(btf_type) + tail.once + size_t{tail.each} * btf_vlen(type);
	}
	return offset == header.type_len;
}

const btf_type *KernelBtf::type(uint32_t id) const
{
	static const btf_type nothing = {};
	if (base_ && id < first_id_)
		return base_->type(id);
	return id >= first_id_ && id - first_id_ < offsets_.size() ? own(id - first_id_) : &nothing;
}

const char *KernelBtf::name(uint32_t offset) const
{
	if (base_ && offset < first_string_)
		return base_->name(offset);
	return offset - first_string_ < strings_length_ ? strings_ + (offset - first_string_) : "";
}

uint32_t KernelBtf::find(const char *wanted, uint32_t kind) const
{
	for (size_t i = 0; i < offsets_.size(); i++)
		if (btf_kind(own(i)) == kind && !strcmp(name(own(i)), wanted))
			return first_id_ + i;
	return base_ ? base_->find(wanted, kind) : 0;
}

void KernelBtf::for_each_struct(const std::function<void(const btf_type *)> &visit) const
{
	if (base_)
		base_->for_each_struct(visit);
	for (size_t i = 0; i < offsets_.size(); i++)
		if (btf_is_composite(own(i)) && own(i)->name_off)
			visit(own(i));
}

} // namespace vmexit
