/* SPDX-License-Identifier: MIT */
// Attaches the empty programs of empty.bpf.c until a signal ends it.
// usage: empty OBJECT raw|record
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: empty OBJECT raw|record\n", stderr);
		return 2;
	}
	struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return fail(argv[1]);
	struct bpf_program *program;
	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);
		bpf_program__set_autoload(program, !strncmp(name, argv[2], strlen(argv[2])));
	}
	if (bpf_object__load(object))
		return fail("load");
	bpf_object__for_each_program(program,
				     object) if (bpf_program__autoload(program) &&
						 !bpf_program__attach(program)) return fail("attach");
	pause();
	return 0;
}
