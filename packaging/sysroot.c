// What the static libraries of packaging/fetch-sysroot lack.

// In place of elf_error.o in libelf.a, whose thread-local variable only an executable can hold (a relocation
// R_X86_64_TPOFF32). The other objects of the library, and libbpf, call these three functions.

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
// libbpf.a is compiled by GCC 12, whose libgcc has this; that of GCC 10 hasn't.
__attribute__((visibility("hidden"))) unsigned __aarch64_ldadd4_sync(unsigned value, unsigned *to)
{
	return __sync_fetch_and_add(to, value);
}
#endif
