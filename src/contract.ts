// SPDX-License-Identifier: MIT
// Facts that the kernel part, the addon and TypeScript share. Written by packaging/contract.mjs from bpf/contract/*.h.

/** Limits: bpf/contract/limits.h says of what. */
export const MAX_VCPUS = 131072;
export const DEFAULT_VCPUS = 1024;
export const MAX_PIDS = 1024;
export const MAX_VCPU_IDS = 4096;
export const MAX_REASONS = 512;

/** Numbers of the instruction sets. */
export const ISA = {
  vmx: 1,
  svm: 2,
  arm64: 3,
  kvm_run: 4,
  riscv64: 5,
  ppc64: 6,
  loong64: 7,
  s390x: 8,
} as const;

/** What defines a reason of kvm-stat: an instruction set, or user space's. */
export const STAT_KIND = {
  vmx: 1,
  svm: 2,
  arm64: 3,
  riscv64: 5,
  ppc64: 6,
  loong64: 7,
  s390x: 8,
  userspace: 4,
} as const;

/** Buckets of a histogram of handling times. */
export const BUCKETS = 172;

/** Of details' 64 bits: where each part is, see bpf/contract/detail.h. */
export const DETAIL = {
  msrWriteBit: 32,
  cpuidSearch: 1073742336,
  cpuidSearched: 65024,
  ghcbShift: 48,
  ghcbReasonBits: 11,
  ghcbSoftwareBit: 60,
  ghcbWriteBit: 61,
  faultShift: 56,
  faultWriteBit: 57,
  faultPageBit: 59,
  faultFetchBit: 60,
  hypercallShift: 56,
  sbiShift: 24,
} as const;

/** What a vCPU does, one at a time. */
export const ACTIVITIES = [
  /** It runs its guest. */
  "guest",
  /** It runs its guest's guest. */
  "guestL2",
  /** It is in KVM, on a CPU. */
  "kvm",
  /** It sleeps in KVM without being halted: for a page that is read, for a lock. */
  "kvmAsleep",
  /** It is outside of KVM_RUN. */
  "vmm",
  /** It is halted, and polled for what then came. */
  "pollSuccess",
  /** It is halted, and polled for what didn't come. */
  "pollFail",
  /** It is halted, and sleeps. */
  "idle",
  /** It is in KVM or its guest and could run, but another task has the CPU. */
  "waiting",
  /** It is in the VMM and could run, but another task has the CPU. */
  "vmmWaiting",
] as const;
export type Activity = (typeof ACTIVITIES)[number];

/** What the programs lost, in exits. */
export interface Losses {
  /** Exits of vCPUs for which no account was left. */
  readonly recordsFull: number;
  /** By payload: exits of a thread's further vCPUs for which none was left. */
  readonly threadsFull: number;
  /** Exits with reasons for which the vCPU's account had no slot left. */
  readonly slotsFull: number;
  /** Exits counted by their reason, whose detail found the vCPU's table full. */
  readonly detailsFull: number;
  /** Exits counted and timed, but in no histogram: none was left. */
  readonly histogramsFull: number;
  /** Slow exits that found the ring buffer full. */
  readonly eventsDropped: number;
}

export const NO_LOSSES: Losses = {
  recordsFull: 0,
  threadsFull: 0,
  slotsFull: 0,
  detailsFull: 0,
  histogramsFull: 0,
  eventsDropped: 0,
};
