/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Limits that programs, addon and TypeScript share. */
#ifndef LIMITS_H
#define LIMITS_H

/* vCPUs that can be told apart at a time; bounds memory. */
#define MAX_VCPUS 131072
#define DEFAULT_VCPUS 1024
/* What the filters hold. */
#define MAX_PIDS 1024
#define MAX_VCPU_IDS 4096
#define MAX_REASONS 512

#endif
