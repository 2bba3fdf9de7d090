/* SPDX-License-Identifier: MIT */
// A BPF map's values in this process's memory.
#ifndef KERNEL_MAPPED_H
#define KERNEL_MAPPED_H

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>

#include "error.h"

namespace vmexit
{

template <class Value> class Mapped
{
public:
	// Throws std::runtime_error; `what` says in its message what is mapped.
	Mapped(int map, size_t count, int protection, const char *what) : bytes_(count * sizeof(Value))
	{
		void *memory = mmap(nullptr, bytes_, protection, MAP_SHARED, map, 0);
		if (memory == MAP_FAILED)
			fail(std::string("cannot map ") + what, errno);
		values_ = static_cast<Value *>(memory);
	}
	~Mapped()
	{
		munmap(const_cast<void *>(static_cast<const void *>(values_)), bytes_);
	}
	Mapped(const Mapped &) = delete;
	Mapped &operator=(const Mapped &) = delete;

	Value &operator[](size_t index) const
	{
		return values_[index];
	}

private:
	size_t bytes_;
	Value *values_;
};

} // namespace vmexit

#endif
