/* SPDX-License-Identifier: MIT */
/*
 * Writes to a BPF map of its own without an end: a task that is preempted within a BPF system call, most of
 * the time, which keeps the kernel from running programs of kprobes and of tracepoints' records on that CPU.
 */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* So long that the copying of a value is most of what there is to do. */
#define VALUE_BYTES 65536

int main(void)
{
	static char value[VALUE_BYTES];
	/* Before 5.11 maps count as locked memory. */
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	uint32_t key = 0;
	union bpf_attr attr;
	int map;

	setrlimit(RLIMIT_MEMLOCK, &all);
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.key_size = sizeof(key);
	attr.value_size = sizeof(value);
	attr.max_entries = 1;
	map = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (map < 0) {
		perror("map-writer: cannot make a map");
		return 1;
	}
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	while (!syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)))
		;
	perror("map-writer: cannot write to the map");
	return 1;
}
