/* SPDX-License-Identifier: MIT */
// libbpf's own, closed by their holder.
#ifndef LIBBPF_HANDLES_H
#define LIBBPF_HANDLES_H

#include <memory>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

namespace vmexit
{

struct ObjectClose {
	void operator()(bpf_object *object) const
	{
		bpf_object__close(object);
	}
};
using Object = std::unique_ptr<bpf_object, ObjectClose>;

struct BtfFree {
	void operator()(btf *types) const
	{
		btf__free(types);
	}
};
using Btf = std::unique_ptr<btf, BtfFree>;

} // namespace vmexit

#endif
