// SPDX-License-Identifier: MIT
// Programs that split vCPUs' time by what they do.
import { Machine } from "../host/machine";
import { open } from "./load";
import type { ProgramInfo, Snapshot } from "./vmexit";

/** How the programs attach: to KVM's functions and typed tracepoints, by kprobes and raw tracepoints, or as the kernel can. */
export type SplitAttach = "auto" | "direct" | "probe";

export interface SplitOptions {
  readonly attach: SplitAttach;
  /** How many vCPUs there can be at a time. */
  readonly maxVcpus: number;
  /** Only these processes; all if undefined. */
  readonly pids?: readonly number[];
  /** Only vCPUs with these ids; all if undefined. */
  readonly vcpuIds?: readonly number[];
}

/** All vCPUs up to now, as columns; times in ns. Numbers are exact up to 2^53. */
export interface SplitSnapshot {
  /** The moment, on CLOCK_MONOTONIC, up to which what vCPUs were doing counts. */
  readonly atNs: number;
  readonly vcpus: Snapshot["vcpus"];
  /** Of the same rows as `vcpus`, since the vCPU was first seen. */
  readonly clocks: {
    /** For each row as many as there are ACTIVITIES, in their order; together they are the time. */
    readonly ns: Float64Array;
    readonly exits: Float64Array;
    /** Of KVM_RUN to the VMM. */
    readonly returns: Float64Array;
    readonly wakeups: Float64Array;
    readonly migrations: Float64Array;
    /** The longest since the last snapshot; one that is still on counts, with all of it. */
    readonly maxWaitNs: Float64Array;
    readonly maxIdleNs: Float64Array;
  };
  /** How many waits for a CPU took how long, by buckets that aren't empty: src/measure/histogram.ts. */
  readonly waits: {
    /** Row in `vcpus`. */
    readonly vcpu: Uint32Array;
    readonly bucket: Uint8Array;
    readonly count: Float64Array;
  };
  /** Events of vCPUs for which no account was left, since the beginning. */
  readonly recordsFull: number;
  /** Events for which the kernel didn't run a program. */
  readonly missedEvents: number;
}

export interface SplitInfo {
  readonly attach: "direct" | "probe";
  /** Those that are attached, and the one that looked for vCPUs. */
  readonly programs: readonly ProgramInfo[];
  /** What libbpf and the loader said, with line breaks. */
  readonly log: string;
  readonly records: number;
  /** Memory of the records in the kernel. */
  readonly mapBytes: number;
}

/** Programs in the kernel, from the moment it is there until stop(). */
export interface Splitter {
  info(): SplitInfo;
  /** Reads everything. It is cumulative; a vCPU that ended is in one snapshot more, and never again. */
  snapshot(): SplitSnapshot;
  /** Detaches the programs; the last snapshot comes before. */
  stop(): void;
  /** Gives everything back. May be called again; nothing else may. */
  close(): void;
}

/**
 * Loads and attaches the programs, and looks for the vCPUs that are there.
 * @throws ToolError with the cause, and the last lines of the verifier's log if it refused a program
 */
export function openSplitter(options: SplitOptions, machine = new Machine()): Splitter {
  return open("split", machine, (addon, object) => new addon.Splitter({ ...options, object }));
}
