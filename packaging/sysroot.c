/* SPDX-License-Identifier: MIT */
// What the static libraries of packaging/fetch-sysroot lack.

// Replaces elf_error.o of libelf.a. That has a thread-local variable with a relocation R_X86_64_TPOFF32,
// which only an executable can have. The other objects of the library, and libbpf, call these three
// functions.

static _Thread_local int last_error;

__attribute__((visibility("hidden"))) void __libelf_seterrno(int error)
{
	last_error = error;
}

__attribute__((visibility("hidden"))) int elf_errno(void)
{
	int error = last_error;
	last_error = 0;
	return error;
}

__attribute__((visibility("hidden"))) const char *elf_errmsg(int error)
{
	return error || last_error ? "libelf refused the object" : 0;
}

#ifdef __aarch64__
// libbpf.a is compiled by GCC 12. Its libgcc has this function; the libgcc of GCC 10 lacks it.
__attribute__((visibility("hidden"))) unsigned __aarch64_ldadd4_sync(unsigned value, unsigned *to)
{
	return __sync_fetch_and_add(to, value);
}
#endif
