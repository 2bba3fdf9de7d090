/* SPDX-License-Identifier: MIT */
// Gives up what this process may do, in all of its threads, for JavaScript.
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include <napi.h>

namespace vmexit
{

// dropPrivileges(kept, bpf[, user, group]): every thread gets no_new_privs and loses all capabilities except
// those numbered in `kept`, and except CAP_BPF if `bpf` says that maps are written later and this kernel asks
// for it then. With `user` and `group` every thread becomes these, of no other group. Throws if a thread
// keeps more.
Napi::Value drop_privileges(const Napi::CallbackInfo &info);

} // namespace vmexit

#endif
