// The Node-API face of what TypeScript found out of this host.
#ifndef HOST_H
#define HOST_H

#include <napi.h>

namespace vmexit
{

// describeHost({tracefs, module, isa}): said on each thread before objects are made there.
Napi::Value describe_host(const Napi::CallbackInfo &info);

} // namespace vmexit

#endif
