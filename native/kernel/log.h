/* SPDX-License-Identifier: MIT */
// What libbpf and the verifier say, kept for error messages instead of being printed.
#ifndef LIBBPF_LOG_H
#define LIBBPF_LOG_H

#include <cstddef>
#include <string>

namespace vmexit
{

constexpr size_t kVerifierLogBytes = 256 * 1024;

// Sends libbpf's messages of this thread to a string while it lives.
class LogTo
{
public:
	explicit LogTo(std::string &log);
	~LogTo();
	LogTo(const LogTo &) = delete;
	LogTo &operator=(const LogTo &) = delete;
};

// What a user is shown of a verifier's log: its last lines, which give the reason.
std::string verifier_excerpt(const std::string &log);

} // namespace vmexit

#endif
