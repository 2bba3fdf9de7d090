// SPDX-License-Identifier: MIT
// Programs that count and time VM exits, or report slow ones.
import type { Losses } from "../contract";
import { Machine } from "../host/machine";
import { open } from "./load";

/**
 * How the programs attach: to BTF-typed raw tracepoints, to raw tracepoints that are given the reason and the vCPU (before
 * Linux 5.16), to the tracepoints' payloads, or as the kernel can.
 */
export type AttachMode = "auto" | "direct" | "raw" | "record";

export interface SessionOptions {
  readonly attach: AttachMode;
  /** Keep handling times, which needs programs on the entries too. */
  readonly timing: boolean;
  /** With timing: also keep histograms of them. */
  readonly histograms: boolean;
  /** With timing: instead of counting, report exits that take so many ns and longer. */
  readonly slowNs?: number;
  /** With timing: also by what exits were about, not with attach "raw". With slowNs it attaches to records, which have the guest's RIP, too. */
  readonly details: boolean;
  /** With timing: leave out what the vCPU slept or waited for a CPU within KVM_RUN; attaches directly. */
  readonly net?: boolean;
  /** Tell which exits of L2 went to L1; attaches to records. */
  readonly reflected?: boolean;
  /** With timing: count returns of KVM_RUN to the VMM, with the time until the next KVM_RUN, instead of exits; not with attach "raw". */
  readonly returns?: boolean;
  /** How many vCPUs (vCPU threads, if attached to records) there can be at a time. */
  readonly maxVcpus: number;
  /** Trace only these processes; all if undefined. */
  readonly pids?: readonly number[];
  /** Trace only vCPUs with these ids; all if undefined. */
  readonly vcpuIds?: readonly number[];
  /** Report slow exits of these reasons only (the kernel's 32 bits), or of all but those. */
  readonly onlyReasons?: readonly number[];
  readonly butReasons?: readonly number[];
}

/** What was lost, in exits, since the session opened. */
export interface Lost extends Losses {
  /** Events for which the kernel didn't run a program, because it was running on that CPU already. */
  readonly missedEvents: number;
}

/** What a slot is of, among those of its reason: all exits, a detail, exits whose detail isn't known, or found no place. */
export const DETAIL = { none: 0, known: 1, unknown: 2, others: 3 } as const;

/** Everything counted so far, as columns; times in ns. Numbers are exact up to 2^53. */
export interface Snapshot {
  readonly vcpus: {
    readonly tgid: Uint32Array;
    readonly tid: Uint32Array;
    /** As KVM numbers vCPUs within a VM; -1 where the kernel's events don't tell. */
    readonly vcpuId: Int32Array;
    /** Start of the process, since boot. */
    readonly startNs: Float64Array;
    /** 1 if the vCPU is gone, and this row with it from the next snapshot on. */
    readonly ended: Uint8Array;
    /** Name of the process, unchecked. */
    readonly comm: readonly string[];
  };
  readonly slots: {
    /** Row in `vcpus`. */
    readonly vcpu: Uint32Array;
    readonly isa: Uint8Array;
    /** 1 or 2. */
    readonly level: Uint8Array;
    /** 0: exits without an entry, of which totalNs and maxNs know nothing. */
    readonly timed: Uint8Array;
    /** 1: exits of L2 that L0 gave to L1. All 0, or none there, unless asked for. */
    readonly reflected?: Uint8Array;
    /** The kernel's unsigned 32 bits. */
    readonly reason: Uint32Array;
    /** With details: what the slot is of among those of its reason, DETAIL. */
    readonly detailState?: Uint8Array;
    /** With details: the detail where it is known, see bpf/contract/detail.h. */
    readonly detail?: BigUint64Array;
    readonly count: Float64Array;
    readonly totalNs: Float64Array;
    /** The longest since the last snapshot. */
    readonly maxNs: Float64Array;
  };
  /** Buckets that aren't empty, see src/measure/histogram.ts; none without histograms. */
  readonly buckets: {
    /** Row in `slots`. */
    readonly slot: Uint32Array;
    readonly bucket: Uint8Array;
    readonly count: Float64Array;
  };
  readonly lost: Lost;
}

/** A program of the session, as the kernel took it. */
export interface ProgramInfo {
  readonly name: string;
  readonly section: string;
  /** Instructions that the verifier walked; 0 before Linux 5.16, which doesn't tell. */
  readonly verifiedInsns: number;
  /** Its machine code; 0 without the JIT. */
  readonly jitedBytes: number;
}

export interface SessionInfo {
  readonly attach: "direct" | "raw" | "record";
  /** Those that are attached. */
  readonly programs: readonly ProgramInfo[];
  /** What libbpf and the loader said, with line breaks. */
  readonly log: string;
  readonly records: number;
  /** Memory of the session's maps in the kernel. */
  readonly mapBytes: number;
}

/** One slow exit; times in ns. */
export interface SlowExit {
  readonly isa: number;
  /** 1 or 2. */
  readonly level: number;
  /** The kernel's unsigned 32 bits. */
  readonly reason: number;
  readonly ns: number;
  /** When it ended, on CLOCK_MONOTONIC. */
  readonly entryNs: number;
  readonly startNs: number;
  readonly tgid: number;
  readonly tid: number;
  readonly vcpuId: number;
  readonly comm: string;
  /** With details; 0 where the kernel doesn't tell. */
  readonly rip: bigint;
  /** With details, if it is known: what the exit was about, see bpf/contract/detail.h. */
  readonly detail?: bigint;
}

/** Programs in the kernel, counting from the moment the session is there until stop(). */
export interface Session {
  info(): SessionInfo;
  /** Reads all counters. They are cumulative; a vCPU that ended is in one snapshot more, and never again. */
  snapshot(): Snapshot;
  /** The slow exits reported since the last call, oldest first of each CPU; `most` of them, the others later. */
  takeEvents(most: number): SlowExit[];
  /** Detaches the programs; the next snapshot holds exits still open as untimed ones. */
  stop(): void;
  /** Gives everything back. May be called again; nothing else may. */
  close(): void;
}

/**
 * Loads and attaches the programs.
 * @throws ToolError with the cause, and the last lines of the verifier's log if it refused a program
 */
export function openSession(options: SessionOptions, machine = new Machine()): Session {
  const object = options.details ? "vmexit-details" : "vmexit";
  return open(object, machine, (addon, path) => new addon.Session({ ...options, object: path }));
}
