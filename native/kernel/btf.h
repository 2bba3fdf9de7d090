/* SPDX-License-Identifier: MIT */
// The types of the running kernel, as it gives them out. libbpf's reading takes several times as many
// instructions, which were a quarter of a tool's start.
#ifndef KERNEL_BTF_H
#define KERNEL_BTF_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <bpf/btf.h>

namespace vmexit
{

// BTF (Documentation/bpf/btf.rst) of vmlinux, or of a module, whose types and strings go on where vmlinux's
// end.
class KernelBtf
{
public:
	// Of /sys/kernel/btf/NAME; `base` is vmlinux's, for a module. Null where it can't be read, or has a
	// kind of type that isn't known here.
	static std::unique_ptr<KernelBtf> read(const std::string &name, const KernelBtf *base = nullptr);
	KernelBtf(const KernelBtf &) = delete;
	KernelBtf &operator=(const KernelBtf &) = delete;

	// Types are numbered from 1 on; 0 is void.
	const btf_type *type(uint32_t id) const;
	const char *name(uint32_t offset) const;
	const char *name(const btf_type *type) const
	{
		return name(type->name_off);
	}
	// The number of a type, a module's own rather than vmlinux's; 0 if there is none.
	uint32_t find(const char *name, uint32_t kind) const;
	// Calls `visit` with each struct and union that has a name: vmlinux's first.
	void for_each_struct(const std::function<void(const btf_type *)> &visit) const;

private:
	KernelBtf(const std::string &name, const KernelBtf *base);
	// Finds where each type is; false if it can't.
	bool index();
	const btf_type *own(size_t index) const
	{
		return reinterpret_cast<const btf_type *>(types_ + offsets_[index]);
	}

	const KernelBtf *base_;
	std::string data_;
	const char *types_ = nullptr, *strings_ = nullptr; // within data_
	uint32_t strings_length_ = 0, first_string_, first_id_;
	std::vector<uint32_t> offsets_; // of its own types in types_
};

} // namespace vmexit

#endif
