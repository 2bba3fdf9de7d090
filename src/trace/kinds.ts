// SPDX-License-Identifier: MIT
// Written by packaging/kinds.mjs from bpf/contract/kinds.h.

/** The version of recordings that this program writes, and the latest that it reads. */
export const VERSION = 3;

/** A CPU that is unknown. */
export const ANY_CPU = 0xffffffff;

/** Ids of records. */
export const EVENT = {
  entry: 0x10001,
  exit: 0x10002,
  fromL2: 0x40004,
  reflected: 0x40005,
  pageFault: 0x20001,
  injected: 0x20002,
  portRead: 0x20004,
  portWrite: 0x20005,
  crRead: 0x20006,
  crWrite: 0x20007,
  msrRead: 0x2000a,
  msrWrite: 0x2000b,
  cpuid: 0x2000c,
  hypercall: 0x2000f,
  apic: 0x20013,
  userspaceExit: 0x40003,
  wakeup: 0x40006,
  pending: 0x20003,
  drRead: 0x20008,
  drWrite: 0x20009,
  interrupt: 0x2000d,
  nmi: 0x2000e,
  hlt: 0x20010,
  clts: 0x20011,
  lmsw: 0x20012,
  recording: 0x40001,
  end: 0x40002,
  gap: 0x40007,
  gapEnd: 0x40008,
  vmName: 0x40009,
  vmUuid: 0x4000a,
} as const;

/**
 * The records: what makes them ("event": an event of the kernel, "made": an exit, "note": the recorder), and the names of
 * their data words, those of 64 bits twice, the low half first.
 */
export const RECORDS = [
  { id: 0x10001, from: "event", words: [] },
  { id: 0x10002, from: "event", words: ["code", "rip", "rip", "isa"] },
  { id: 0x40004, from: "event", words: [] },
  { id: 0x40005, from: "event", words: [] },
  { id: 0x20001, from: "event", words: ["error", "address", "address"] },
  { id: 0x20002, from: "event", words: ["vector"] },
  { id: 0x20004, from: "event", words: ["port", "size", "value"] },
  { id: 0x20005, from: "event", words: ["port", "size", "value"] },
  { id: 0x20006, from: "event", words: ["cr", "value", "value"] },
  { id: 0x20007, from: "event", words: ["cr", "value", "value"] },
  { id: 0x2000a, from: "event", words: ["msr", "data", "data"] },
  { id: 0x2000b, from: "event", words: ["msr", "data", "data"] },
  { id: 0x2000c, from: "event", words: ["function", "eax", "ebx", "ecx", "edx"] },
  { id: 0x2000f, from: "event", words: ["number", "argument", "argument"] },
  { id: 0x20013, from: "event", words: ["offset", "write", "value"] },
  { id: 0x40003, from: "event", words: ["reason", "errno"] },
  { id: 0x40006, from: "event", words: ["ns", "ns"] },
  { id: 0x20003, from: "made", words: ["vector"] },
  { id: 0x20008, from: "made", words: ["dr", "value"] },
  { id: 0x20009, from: "made", words: ["dr", "value"] },
  { id: 0x2000d, from: "made", words: ["vector"] },
  { id: 0x2000e, from: "made", words: [] },
  { id: 0x20010, from: "made", words: [] },
  { id: 0x20011, from: "made", words: [] },
  { id: 0x20012, from: "made", words: ["value"] },
  { id: 0x40001, from: "note", words: ["version", "ticksPerUs", "began", "began"] },
  { id: 0x40002, from: "note", words: ["lost", "lost", "unwritten", "unwritten", "because"] },
  { id: 0x40007, from: "note", words: ["cpu"] },
  { id: 0x40008, from: "note", words: ["cpu", "lost", "lost"] },
  { id: 0x40009, from: "note", words: ["place", "text", "text", "more", "more"] },
  { id: 0x4000a, from: "note", words: ["uuid", "uuid", "more", "more"] },
] as const;

/** The kernel's events by their numbers in the rings: their tracepoints, and what --events calls them. */
export const KINDS = [
  { name: "entry", tracepoint: "kvm_entry" },
  { name: "exit", tracepoint: "kvm_exit" },
  { name: "nested", tracepoint: "kvm_nested_vmexit" },
  { name: "nested", tracepoint: "kvm_nested_vmexit_inject" },
  { name: "page_fault", tracepoint: "kvm_page_fault" },
  { name: "inject", tracepoint: "kvm_inj_virq" },
  { name: "io", tracepoint: "kvm_pio" },
  { name: "cr", tracepoint: "kvm_cr" },
  { name: "msr", tracepoint: "kvm_msr" },
  { name: "cpuid", tracepoint: "kvm_cpuid" },
  { name: "hypercall", tracepoint: "kvm_hypercall" },
  { name: "apic", tracepoint: "kvm_apic" },
  { name: "userspace", tracepoint: "kvm_userspace_exit" },
  { name: "wakeup", tracepoint: "kvm_vcpu_wakeup" },
] as const;

/** Their numbers. */
export const KIND = {
  entry: 0,
  exit: 1,
  nestedExit: 2,
  reflected: 3,
  pageFault: 4,
  injected: 5,
  port: 6,
  controlRegister: 7,
  msr: 8,
  cpuid: 9,
  hypercall: 10,
  apic: 11,
  userspaceExit: 12,
  wakeup: 13,
} as const;
