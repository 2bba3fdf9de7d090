// SPDX-License-Identifier: MIT
// The tools there are: a line for each, whose code is loaded when it is called.
import type { Word } from "../lib/tool";

/** A tool of the package, in the file of this folder that has its word's name. */
export interface Registered extends Word {
  /** A command of its own, apart from `kvm-vmexit WORD`. */
  readonly command?: string;
  /** No word of the umbrella: only a command. */
  readonly hidden?: true;
}

export const TOOLS: readonly Registered[] = [
  {
    word: "count",
    command: "kvm-vmexit-count",
    summary: "How often do guests exit, and why?",
    load: async () => (await import("./count.js")).tool,
  },
  {
    word: "time",
    command: "kvm-vmexit-time",
    summary: "How long does the host take to handle each kind of exit?",
    load: async () => (await import("./time.js")).tool,
  },
  {
    word: "top",
    summary: "Which VMs, vCPUs and reasons are busiest at present? On a screen",
    load: async () => (await import("./top.js")).tool,
  },
  {
    word: "hist",
    command: "kvm-vmexit-hist",
    summary: "How are these times distributed?",
    load: async () => (await import("./hist.js")).tool,
  },
  {
    word: "slower",
    command: "kvm-vmexit-slower",
    summary: "Which single exits take long, when and in which VM?",
    load: async () => (await import("./slower.js")).tool,
  },
  {
    word: "split",
    summary: "Where does each vCPU's time go?",
    load: async () => (await import("./split.js")).tool,
  },
  {
    word: "stat",
    command: "kvm-stat",
    summary: "What else does KVM count? On a screen, as kvm_stat shows it",
    load: async () => (await import("./stat.js")).tool,
  },
  {
    word: "trace",
    command: "kvm-trace",
    summary: "What happened one by one? Records KVM's events to look at later",
    load: async () => (await import("./trace.js")).tool,
  },
  {
    word: "export",
    summary: "How do all VMs of a fleet fare? Metrics for Prometheus and OpenTelemetry",
    load: async () => (await import("./export.js")).tool,
  },
  {
    word: "vmm",
    summary: "Which exits go on to the VMM, and how long does it take for each?",
    load: async () => (await import("./vmm.js")).tool,
  },
  {
    word: "doctor",
    summary: "Can the tools run here? What this host has and lacks, and how to mend it",
    load: async () => (await import("./doctor.js")).tool,
  },
  {
    word: "report",
    summary: "What do saved readings say, and what changed between two?",
    load: async () => (await import("./report.js")).tool,
  },
  {
    word: "kvmtrace-format",
    command: "kvmtrace_format",
    hidden: true,
    summary: "trace format, as kvmtrace's own formatter",
    load: async () => (await import("./kvmtrace-format.js")).tool,
  },
];
