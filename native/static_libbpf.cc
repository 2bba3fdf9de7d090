// SPDX-License-Identifier: MIT
// Lets a static libbpf be linked into a shared object although it wasn't compiled for one (-fPIE, not -fPIC).
#include <cstdio>

// libbpf.a takes the address of stderr, for its default way to print, without the global offset table. The
// linker's
// --wrap=stderr turns that into this variable, which is the addon's own and so at a known distance.
extern "C" {
__attribute__((visibility("hidden"))) FILE *__wrap_stderr;
extern FILE *__real_stderr;
}
