/* SPDX-License-Identifier: MIT */
// A file descriptor with one owner, who closes it.
#ifndef KERNEL_DESCRIPTOR_H
#define KERNEL_DESCRIPTOR_H

#include <unistd.h>

#include <utility>

namespace vmexit
{

class Descriptor
{
public:
	explicit Descriptor(int descriptor) : descriptor_(descriptor)
	{
	}
	Descriptor(Descriptor &&other) noexcept : descriptor_(std::exchange(other.descriptor_, -1))
	{
	}
	Descriptor &operator=(Descriptor &&) = delete;
	~Descriptor()
	{
		if (descriptor_ >= 0)
			close(descriptor_);
	}

	int get() const
	{
		return descriptor_;
	}

private:
	int descriptor_;
};

} // namespace vmexit

#endif
