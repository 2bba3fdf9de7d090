/* SPDX-License-Identifier: MIT */
// How many accounts so many vCPUs need.
#ifndef KERNEL_ACCOUNTS_H
#define KERNEL_ACCOUNTS_H

#include <cstdint>

namespace vmexit
{

// A power of two. With four times as many accounts as vCPUs, nearly all are where they are looked for first.
inline uint32_t accounts_for(uint32_t max_vcpus)
{
	uint32_t accounts = 64;
	while (accounts < 4 * max_vcpus)
		accounts *= 2;
	return accounts;
}

} // namespace vmexit

#endif
