// Attaches a program to what its section names, at the least cost to the events.
#ifndef ATTACH_H
#define ATTACH_H

#include <cstdint>
#include <map>
#include <string>

#include <bpf/libbpf.h>

namespace vmexit
{

// While it lives, programs of the section tp_btf/EVENT that this thread loads attach to events of KVM, whose
// types' numbers in KVM's BTF are known. libbpf looks for them in vmlinux's BTF once for each module that is
// loaded, which are 3 million instructions each.
class KnownTracepoints
{
public:
	explicit KnownTracepoints(const std::map<std::string, uint32_t> &types);
	~KnownTracepoints();
	KnownTracepoints(const KnownTracepoints &) = delete;
	KnownTracepoints &operator=(const KnownTracepoints &) = delete;
};

// As bpf_program__attach(): nullptr and errno if it fails.
bpf_link *attach(const bpf_program *program);

} // namespace vmexit

#endif
