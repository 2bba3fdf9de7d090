/* SPDX-License-Identifier: MIT */
// Fills accounts of a session that another process has open, as if so many vCPUs ran, each with exits of some
// reasons. usage: fill ACCOUNTS SLOTS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../bpf/contract/vmexit.h"

static int fail(const char *what)
{
	perror(what);
	return 1;
}

// Whether a map is a session's accounts, described in *info.
static int is_accounts(int map, struct bpf_map_info *info)
{
	__u32 length = sizeof(*info);

	memset(info, 0, length);
	return !bpf_obj_get_info_by_fd(map, info, &length) && !strcmp(info->name, "accounts") &&
	       info->value_size == sizeof(struct vmexit_account);
}

// The file descriptor of a session's accounts; -1 if there is none.
static int open_accounts(struct bpf_map_info *info)
{
	for (__u32 id = 0; !bpf_map_get_next_id(id, &id);) {
		int map = bpf_map_get_fd_by_id(id);
		if (map < 0)
			continue;
		if (is_accounts(map, info))
			return map;
		close(map);
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct bpf_map_info info;

	if (argc != 3) {
		fputs("usage: fill ACCOUNTS SLOTS\n", stderr);
		return 2;
	}
	unsigned count = atoi(argv[1]), slots = atoi(argv[2]);
	int map = open_accounts(&info);
	if (map < 0)
		return fail("no session");
	if (count > info.max_entries || slots > VMEXIT_SLOTS) {
		fputs("fill: the session has no room for so many\n", stderr);
		return 1;
	}
	size_t bytes = (size_t)info.max_entries * sizeof(struct vmexit_account);
	struct vmexit_account *accounts = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (accounts == MAP_FAILED)
		return fail("mmap");
	for (unsigned i = 0; i < count; i++) {
		struct vmexit_account *account = &accounts[i];
		account->owner = i + 1;
		account->tgid = 1000 + i / 4;
		account->tid = 100000 + i;
		account->vcpu_id = i % 4;
		account->start_ns = 1000000;
		strcpy(account->comm, "vmm");
		for (unsigned slot = 0; slot < slots; slot++)
			account->slots[slot] = (struct vmexit_slot){
			    .key = VMEXIT_KEY_TAKEN | (__u64)ISA_SVM << VMEXIT_KEY_ISA_SHIFT | (64 + slot),
			    .count = 1000 + i,
			    .total_ns = 1000000,
			    .max_ns = 5000,
			};
		account->state = VMEXIT_LIVE;
	}
	return 0;
}
