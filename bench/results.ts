// SPDX-License-Identifier: MIT
// What a measurement on one machine gives, as build/bench/MACHINE.json and docs/bench.json have it.

/** A guest whose turns are timed. */
export interface Workload {
  readonly name: string;
  readonly guest: readonly string[];
}

// Enough turns that the first ones, with their page faults, don't show: a vCPU's start costs less than 0.1 % of them.
const CPUID: Workload = { name: "cpuid", guest: ["--cpuid", "5000"] };
const OUT: Workload = { name: "out", guest: ["--out", "5000"] };
const RDMSR: Workload = { name: "rdmsr", guest: ["--rdmsr", "5000"] };
const MMIO: Workload = { name: "mmio", guest: ["--mmio", "5000"] };
const HLT: Workload = { name: "hlt", guest: ["--hlt", "5000"] };
const MANY: readonly Workload[] = [
  { name: "cpuid, 8 vCPUs", guest: ["--cpuid", "1000", "--vcpus", "8"] },
  { name: "cpuid, 64 vCPUs", guest: ["--cpuid", "250", "--vcpus", "64"] },
];

export const WORKLOADS: readonly Workload[] = [CPUID, OUT, RDMSR, MMIO, HLT, ...MANY];
/** What most contestants are measured beside. */
export const GENERAL: readonly Workload[] = [CPUID, OUT, ...MANY];
/** For those that tell what exits were about, or exits to the VMM. HLT has no detail. The first one exits to the VMM. */
export const DETAILED: readonly Workload[] = [OUT, CPUID, RDMSR, MMIO, HLT];

/** A guest of a guest that never ends: more turns than the bench takes. */
export const NESTED: Workload = { name: "nested", guest: ["--cpuid", "2000000000"] };

/** Instructions of one turn of the guest's loop. */
export interface Turn {
  /** On the vCPU's own thread, interrupts included. */
  readonly thread: number;
  /** From the first turn to the last, so with what other processes took of the one CPU; of vCPU 0. */
  readonly elapsed: number;
}

/** One contestant's. */
export interface Measured {
  readonly name: string;
  readonly group: string;
  /** By the workload's name, in the order they ran. */
  readonly turns: Readonly<Record<string, Turn>>;
  /** The first workload's once more, after the others, to see how steady it is. */
  readonly again?: Turn;
  /** Why there are no turns. */
  readonly failure?: string;
  /** Whether it counted none of the guests' exits, whatever it cost. */
  readonly blind?: true;
}

/** What one program is to the kernel. */
export interface ProgramSize {
  /** The tool that loads it. */
  readonly tool: string;
  readonly program: string;
  /** Instructions that the verifier walked; 0 where the kernel doesn't tell. */
  readonly verified: number;
  /** Bytes of machine code. */
  readonly bytes: number;
}

/** What was measured, and when. */
export interface Origin {
  /** As `git describe --always --dirty` names it. */
  readonly commit: string;
  /** UTC, as 2026-11-30. */
  readonly date: string;
}

/** Of what is measured at present: the Makefile hands over the commit. */
export function originNow(): Origin {
  return { commit: process.env["COMMIT"] ?? "unknown", date: new Date().toISOString().slice(0, 10) };
}

/** One boot. */
export interface Machine extends Origin {
  /** CPU-SUITE, as `lab/run` calls them, with -nested after it if the guests were guests of a guest. */
  readonly machine: string;
  readonly release: string;
  readonly base: Measured;
  readonly programs: readonly ProgramSize[];
}

/** One boot and what was measured there. */
export interface MachineResult extends Machine {
  readonly contestants: readonly Measured[];
}

/** A tool's own process; ns of CPU time, which are instructions. */
export interface ToolProcess {
  readonly name: string;
  /** Until it traces. */
  readonly startNs: number;
  /** Of an hour, from what its third minute took. */
  readonly hourNs: number;
  /** The most resident memory. */
  readonly peakKiB: number;
}

/** One reading of so many vCPUs' records, each with so many slots. */
export interface Snapshots {
  readonly records: number;
  readonly slots: number;
  readonly cpuNs: number;
  readonly mapBytes: number;
}

/** Many vCPUs that run at a time: what was counted, and what an exit became longer by, in instructions. */
export interface ManyVcpus {
  readonly vms: number;
  readonly vcpus: number;
  /** Exits that there were, and that were counted. */
  readonly cpuids: number;
  readonly counted: number;
  /** With one vCPU on the machine, and with all. */
  readonly addedAlone: number;
  readonly addedTogether: number;
}

/** Where a start of kvm-vmexit-count goes, ns of CPU time; the rest is the tool's own code. */
export interface StartParts {
  /** Node, until it runs the first statement of a file. */
  readonly nodeNs: number;
  /** Compiling the tool's file. */
  readonly compileNs: number;
  /** Loading the addon and opening a session: until the programs are attached. */
  readonly openNs: number;
}

/** build/bench/process.json. */
export interface ProcessResult extends Origin {
  readonly release: string;
  readonly start: StartParts;
  readonly many: ManyVcpus;
  readonly snapshots: readonly Snapshots[];
  readonly tools: readonly ToolProcess[];
}

/** A table or lines as a program printed them. */
export interface Printed extends Origin {
  readonly text: string;
}

/** docs/bench.json: of each part the last measurement. */
export interface Bench {
  readonly schema: "kvm-vmexit-bench/3";
  readonly results: readonly MachineResult[];
  readonly nested: readonly MachineResult[];
  readonly process: ProcessResult;
  readonly formatted: Printed;
  readonly exported: Printed;
}

/** The first workload that ran, and what it cost. */
export function firstTurn({ turns }: Pick<Measured, "turns">): readonly [string, Turn] | undefined {
  return Object.entries(turns)[0];
}
