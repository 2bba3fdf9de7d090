// SPDX-License-Identifier: MIT
// What TypeScript found out of this host (src/host/machine.ts), which decides for both languages.
#include "this_host.h"

namespace vmexit
{
namespace
{

thread_local Host current_host;

} // namespace

void set_host(const Host &host)
{
	current_host = host;
}

const Host &this_host()
{
	return current_host;
}

} // namespace vmexit
