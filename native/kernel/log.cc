// SPDX-License-Identifier: MIT
// What libbpf and the verifier say, kept for error messages instead of being printed.
#include "log.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include <bpf/libbpf.h>

namespace vmexit
{
namespace
{

constexpr int kExcerptLines = 12;

thread_local std::string *current_log = nullptr;

int keep_log(libbpf_print_level level, const char *format, va_list arguments)
{
	char line[1024];
	if (level == LIBBPF_DEBUG || !current_log)
		return 0;
	int length = vsnprintf(line, sizeof(line), format, arguments);
	// The verifier's log has its own buffer, and comes again in libbpf's.
	if (current_log->size() < kVerifierLogBytes)
		current_log->append(line, std::min<size_t>(length < 0 ? 0 : length, sizeof(line) - 1));
	return length;
}

} // namespace

LogTo::LogTo(std::string &log)
{
	current_log = &log;
	libbpf_set_print(keep_log);
}

LogTo::~LogTo()
{
	current_log = nullptr;
}

std::string verifier_excerpt(const std::string &log)
{
	size_t at = log.find_last_not_of("\n");
	if (at == std::string::npos)
		return "";
	std::string trimmed = log.substr(0, at + 1);
	for (int lines = kExcerptLines; lines > 0 && at != std::string::npos && at > 0; lines--)
		at = trimmed.rfind('\n', at - 1);
	return at == std::string::npos || at == 0 ? trimmed : trimmed.substr(at + 1);
}

} // namespace vmexit
