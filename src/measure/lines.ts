// SPDX-License-Identifier: MIT
// What a line of the tools' JSON says of itself: its schema, its writer, its host.

/** The schema of the lines, docs/kvm-vmexit.schema.json: its number grows with each change that isn't an addition. */
export const SCHEMA = "kvm-vmexit/2";

/** The host of the exits. */
export interface Host {
  /** Release of its kernel. */
  readonly kernel: string;
  /** As uname -m says. */
  readonly machine: string;
  /** Model of its processor, "" where that is unknown. */
  readonly processor: string;
  /** What defines its exits' codes. */
  readonly isa: string;
  /** How the programs attached. */
  readonly attach: string;
  /** For how long KVM may poll for a halted vCPU, in ns; 0 if it doesn't; undefined where that isn't known. */
  readonly haltPollNs?: number;
  /** Whether KVM uses the processor's APIC virtualisation; undefined where that isn't known. */
  readonly apicVirtualised?: boolean;
  /** CPUs that are isolated from the scheduler, such as `2-7`; undefined if none is. */
  readonly isolatedCpus?: string;
  /** How many VMs have all their vCPUs' threads bound to isolated CPUs; undefined if no CPU is isolated. */
  readonly isolatedVms?: number;
}

/** What was asked for, as far as numbers depend on it; what is missing wasn't. */
export interface AskedFor {
  readonly by?: string;
  readonly timing?: boolean;
  readonly histograms?: boolean;
  /** Times leave out what the vCPU slept or waited for a CPU. */
  readonly net?: boolean;
  readonly details?: boolean;
  readonly pids?: readonly number[];
  readonly vm?: string;
  readonly vcpus?: readonly number[];
  readonly reasons?: string;
  readonly excludes?: string;
  readonly idle?: string;
  /** Of slow exits. */
  readonly thresholdNs?: number;
}

/** Who wrote a line, and of what. */
export interface About {
  readonly tool: string;
  readonly version: string;
  /** Undefined where that is unknown, as of a recording. */
  readonly host: Host | undefined;
  readonly options: AskedFor;
}
