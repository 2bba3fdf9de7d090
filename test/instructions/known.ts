// SPDX-License-Identifier: MIT
// What the tests of times share: the guest, the kernel's names of its exits, and how far times may be apart.
import { GUEST } from "../tools";

export const GUEST_COMMAND = [
  GUEST,
  ..."--cpuid 997 --out 499 --rdmsr 797 --wrmsr 293 --hlt 97 --hypercall 601".split(" "),
];

// One instruction is one ns here. Between ftrace's or perf's clock and ours at one event lie their writing of the record
// and the part of our program before or after its clock: 110 to 170 instructions in an interval. Beyond that, an exit that
// is rare can fall on the switch to another page of their buffers, and ftrace's log has only microseconds.
export const BOUND_NS = 250;
export const RARE_NS = 4000;

// The kernel's names, in ftrace's log and in perf: arch/x86/include/uapi/asm/svm.h.
export const NAMES: Readonly<Record<string, string>> = {
  CPUID: "cpuid",
  HLT: "hlt",
  IOIO: "io",
  MSR: "msr",
  VMMCALL: "hypercall",
  INTR: "interrupt",
  NPF: "npf",
};
