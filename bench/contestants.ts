// SPDX-License-Identifier: MIT
// Everything that is compared: how each is started, so that it watches all exits of the machine until SIGINT.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT, tool } from "./guest";
import { DETAILED, GENERAL, WORKLOADS, type Workload } from "./results";

/** One program in the comparison. */
export interface Contestant {
  readonly name: string;
  readonly group: "floor" | "ours" | "peers";
  readonly command: readonly string[];
  /** What is started with it, and whose cost is in the figures. */
  readonly beside?: readonly string[];
  /** What it is measured beside; GENERAL if it doesn't say. A guest of a guest is one of those. */
  readonly workloads?: readonly Workload[];
  /** The only processor that it knows. */
  readonly cpu?: "vmx";
  /** What it prints at its end if it has counted the guests' exits. */
  readonly prints?: RegExp;
  /** Its programs are known to run where it counts nothing too: what it costs is told. */
  readonly blindly?: true;
  /** What has to exist for it to run. */
  readonly needs?: string;
}

const EMPTY = [join(ROOT, "build/bench/empty"), join(ROOT, "build/bench/empty.bpf.o")] as const;
/** kvm_stat, which this repository doesn't have; KVM_STAT says where it is. */
const KVM_STAT = process.env["KVM_STAT"] ?? join(ROOT, "..", "shared/seeds/kvm_stat.el8.py");
// So long that nothing is printed meanwhile.
const NEVER = "100000";

/** A counting tool as it attaches by itself, and by payload. */
function bothWays(name: string, ...parameters: string[]): Contestant[] {
  return ["auto", "record"].map((attach) => ({
    name: [name, ...parameters, attach === "auto" ? "" : "--attach record"].join(" ").trim(),
    group: "ours",
    command: tool(name, ...parameters, "--attach", attach),
  }));
}

function measuredAt(workloads: readonly Workload[], contestants: readonly Contestant[]): Contestant[] {
  return contestants.map((contestant) => ({ ...contestant, workloads }));
}

/** perf, which tells of the accesses of one kind, beside an exit that has it. It records the events of all kinds. */
function perfOf(event: string, workload: string): Contestant[] {
  const workloads = DETAILED.filter(({ name }, i) => i === 0 || name === workload);
  return measuredAt(workloads, [
    {
      name: `perf kvm stat live --event=${event}`,
      group: "peers",
      needs: "/usr/bin/perf",
      command: ["perf", "kvm", "stat", "live", `--event=${event}`, "-a", "-d", "60"],
    },
  ]);
}

const HISTOGRAM =
  "tracepoint:kvm:kvm_exit { @start[tid] = nsecs; @reason[tid] = args->exit_reason; } " +
  "tracepoint:kvm:kvm_entry /@start[tid]/ { @ns[@reason[tid]] = hist(nsecs - @start[tid]); delete(@start[tid]); }";
const BPFTRACE_MAP = /^@\w*\[\d+\]/m;
const COUNT = "tracepoint:kvm:kvm_exit { @[args->exit_reason] = count(); }";

const CONTESTANTS: readonly Contestant[] = [
  { name: "two empty programs, raw", group: "floor", command: [...EMPTY, "raw"] },
  { name: "two empty programs, record", group: "floor", command: [...EMPTY, "record"] },
  ...bothWays("kvm-vmexit-count"),
  ...measuredAt(WORKLOADS, bothWays("kvm-vmexit-time")),
  ...bothWays("kvm-vmexit-time", "--wide"),
  ...bothWays("kvm-vmexit-hist"),
  ...bothWays("kvm-vmexit-slower", "10000"),
  { name: "kvm-vmexit-time --net", group: "ours", command: tool("kvm-vmexit-time", "--net") },
  { name: "kvm-vmexit split", group: "ours", command: tool("kvm-vmexit", "split") },
  {
    name: "kvm-vmexit split beside kvm-vmexit-time",
    group: "ours",
    command: tool("kvm-vmexit", "split", "--attach", "direct"),
    beside: tool("kvm-vmexit-time"),
  },
  ...measuredAt(DETAILED, [
    ...bothWays("kvm-vmexit-time", "--details"),
    ...bothWays("kvm-vmexit", "vmm"),
    ...bothWays("kvm-vmexit", "vmm", "--details"),
  ]),
  { name: "kvm-stat", group: "ours", command: tool("kvm-stat", "-l", "-s", "25") },
  {
    name: "kvm-trace record",
    group: "ours",
    command: tool("kvm-trace", "record", "-o", "/tmp/kvm-trace.bin"),
  },
  {
    name: "kvm-trace record --events exit,entry",
    group: "ours",
    command: tool("kvm-trace", "record", "--events", "exit,entry", "-o", "/tmp/kvm-trace.bin"),
  },
  {
    name: "perf kvm stat record",
    group: "peers",
    needs: "/usr/bin/perf",
    command: ["perf", "kvm", "stat", "record", "-a", "-o", "/tmp/perf.data"],
  },
  {
    name: "perf kvm stat live",
    group: "peers",
    needs: "/usr/bin/perf",
    command: ["perf", "kvm", "stat", "live", "-a", "-d", "60"],
  },
  ...perfOf("ioport", "out"),
  ...perfOf("msr", "rdmsr"),
  ...perfOf("mmio", "mmio"),
  {
    name: "trace-cmd record -e kvm",
    group: "peers",
    needs: "/usr/bin/trace-cmd",
    command: ["trace-cmd", "record", "-e", "kvm", "-o", "/tmp/trace.dat"],
  },
  {
    name: "bpftrace, count by reason",
    group: "peers",
    needs: "/usr/bin/bpftrace",
    prints: BPFTRACE_MAP,
    command: ["bpftrace", "-e", COUNT],
  },
  {
    name: "bpftrace, histogram by reason",
    group: "peers",
    needs: "/usr/bin/bpftrace",
    prints: BPFTRACE_MAP,
    command: ["bpftrace", "-e", HISTOGRAM],
  },
  {
    name: "kvmexit (bcc)",
    group: "peers",
    cpu: "vmx",
    prints: /\bCPUID\b/,
    blindly: true,
    needs: "/usr/sbin/kvmexit-bpfcc",
    command: [join(ROOT, "bench/kvmexit"), NEVER],
  },
  {
    name: "kvm_stat -t",
    group: "peers",
    needs: KVM_STAT,
    command: ["/usr/bin/python3", KVM_STAT, "-t", "-l", "-s", "25"],
  },
];

/** Those that know the processor, one of the lab's. */
export function contestantsOn(processor: string): Contestant[] {
  return CONTESTANTS.filter(({ cpu = processor }) => cpu === processor);
}

/** What a contestant is measured beside. */
export function workloadsOf({ workloads = GENERAL }: Contestant): readonly Workload[] {
  return workloads;
}

/** Whether what a contestant needs is on this machine. */
export function isThere({ needs }: Contestant): boolean {
  return needs === undefined || existsSync(needs);
}
