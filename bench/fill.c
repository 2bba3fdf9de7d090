// Fills records of a session that another process has open, as if so many vCPUs ran, each with exits of some
// reasons. usage: fill RECORDS SLOTS
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

// Whether a map is a session's records; tells of it in *info.
static int is_records(int map, struct bpf_map_info *info)
{
	__u32 length = sizeof(*info);

	memset(info, 0, length);
	return !bpf_obj_get_info_by_fd(map, info, &length) && !strcmp(info->name, "records") &&
	       info->value_size == sizeof(struct vmexit_record);
}

// The file descriptor of a session's records; -1 if there is none.
static int open_records(struct bpf_map_info *info)
{
	for (__u32 id = 0; !bpf_map_get_next_id(id, &id);) {
		int map = bpf_map_get_fd_by_id(id);
		if (map < 0)
			continue;
		if (is_records(map, info))
			return map;
		close(map);
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct bpf_map_info info;

	if (argc != 3) {
		fputs("usage: fill RECORDS SLOTS\n", stderr);
		return 2;
	}
	unsigned count = atoi(argv[1]), slots = atoi(argv[2]);
	int map = open_records(&info);
	if (map < 0)
		return fail("no session");
	if (count > info.max_entries || slots > VMEXIT_SLOTS) {
		fputs("fill: the session has no room for so many\n", stderr);
		return 1;
	}
	size_t bytes = (size_t)info.max_entries * sizeof(struct vmexit_record);
	struct vmexit_record *records = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (records == MAP_FAILED)
		return fail("mmap");
	for (unsigned i = 0; i < count; i++) {
		struct vmexit_record *record = &records[i];
		record->owner = i + 1;
		record->tgid = 1000 + i / 4;
		record->tid = 100000 + i;
		record->vcpu_id = i % 4;
		record->start_ns = 1000000;
		strcpy(record->comm, "vmm");
		for (unsigned slot = 0; slot < slots; slot++)
			record->slots[slot] = (struct vmexit_slot){
			    .key = VMEXIT_KEY_TAKEN | (__u64)VMEXIT_ISA_SVM << VMEXIT_KEY_ISA_SHIFT |
				   (64 + slot),
			    .count = 1000 + i,
			    .total_ns = 1000000,
			    .max_ns = 5000,
			};
		record->state = VMEXIT_LIVE;
	}
	return 0;
}
