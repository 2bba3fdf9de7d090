/* SPDX-License-Identifier: MIT */
// How the addon fails: with one line for the user.
#ifndef KERNEL_ERROR_H
#define KERNEL_ERROR_H

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace vmexit
{

// Throws std::runtime_error: what failed, and the system's words for `error`, an errno of either sign.
[[noreturn]] inline void fail(const std::string &what, int error)
{
	throw std::runtime_error(what + ": " + strerror(abs(error)));
}

} // namespace vmexit

#endif
