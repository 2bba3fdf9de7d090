/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The programs of vmexit.bpf.c, compiled to count and to report with each exit's detail. */
#define DETAILS 1
#include "vmexit.bpf.c"
