// SPDX-License-Identifier: MIT
// Programs that count KVM's tracepoints.
import { Machine } from "../host/machine";
import { open } from "./load";

/** Counts of KVM's tracepoints, over all CPUs and since the counters opened, whatever was attached when. */
export interface CountersSnapshot {
  /** By the event's index. Numbers are exact up to 2^53. */
  readonly events: Float64Array;
  /** Columns: what kvm_exit and kvm_userspace_exit counted, by reason. */
  readonly children: {
    /** STAT_KIND_* of bpf/contract/stat.h. */
    readonly kind: Uint8Array;
    /** The kernel's unsigned 32 bits. */
    readonly reason: Uint32Array;
    readonly count: Float64Array;
  };
  /** Exits counted by their event alone: there was no place for their reason, or they came while another was counted. */
  readonly unplaced: number;
  /** Events that aren't counted: they came while others of their kind were counted, and their process is unknown. */
  readonly missedEvents: number;
}

/** One small program in the kernel for each attached tracepoint. */
export interface Counters {
  /** Attaches these events, by index, and detaches all others. Returns why, by index, some can't be attached. */
  attach(events: readonly number[]): Readonly<Record<string, string>>;
  /** Counts only what happens in this process from now on; 0: in all. */
  filter(pid: number): void;
  snapshot(): CountersSnapshot;
  /** Gives everything back. May be called again; nothing else may. */
  close(): void;
}

/**
 * Loads the programs that count tracepoints; none is attached yet.
 * @param events names of tracepoints of system kvm by index, of which the first two are kvm_exit and kvm_userspace_exit
 * @throws ToolError with the cause, and the last lines of the verifier's log if it refused a program
 */
export function openCounters(events: readonly string[], machine = new Machine()): Counters {
  return open("stat", machine, (addon, object) => new addon.Counters({ object, events }));
}
