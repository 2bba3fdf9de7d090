// SPDX-License-Identifier: MIT
// Programs that record KVM's events one by one.
import { Machine } from "../host/machine";
import { loadAddon, open } from "./load";

export interface RecorderOptions {
  /** Which events, as numbers of enum trace_kind; those that the kernel lacks are left out. */
  readonly kinds: Uint32Array;
  /** The logarithm to base 2 of how many events, of EVENT_BYTES each, a CPU's ring holds. */
  readonly ringShift: number;
  /** Record only these processes; all if undefined. */
  readonly pids?: Uint32Array;
}

/** Programs in the kernel that write events into the CPUs' rings; none waits where one is full. */
export interface Recorder {
  /**
   * Writes events as kvmtrace's records in the order of time, as far as there is room, without the latest 20 ms
   * unless `all`.
   * @returns how many words it wrote
   */
  read(to: Uint32Array, all: boolean): number;
  /** The processes of threads whose first event read() gave out since the last call; one may come several times. */
  processes(): Uint32Array;
  /** Events that read() gave out. */
  events(): number;
  /** Events that found a ring full or no ring, or for which the kernel didn't run a program, since the recorder opened. */
  lost(): number;
  /** Those among them for which the kernel didn't run a program; Linux 6.1 doesn't count them, 6.12 does. */
  missed(): number;
  /** Detaches the programs; what they wrote can still be read. */
  stop(): void;
  /** Gives everything back. May be called again; nothing else may. */
  close(): void;
}

/**
 * Loads and attaches the programs that record events.
 * @throws ToolError with the cause
 */
export function openRecorder(options: RecorderOptions, machine = new Machine()): Recorder {
  return open("trace", machine, (addon, object) => new addon.Recorder({ ...options, object }));
}

/** sizeof(struct trace_event) */
export const EVENT_BYTES = 64;
/** Most words of the records that one event makes: kMostWords of native/trace/encoder.h. */
export const EVENT_MAX_WORDS = 38;

/**
 * What the recorder makes of rings of struct trace_event (bpf/contract/trace.h), each in the order of time.
 * @param lost events that each ring has lost in all; 0 if left out
 */
export function encodeRings(
  rings: readonly Uint32Array[],
  isa: number,
  lost: readonly number[] = [],
): Uint32Array {
  let events = rings.length;
  for (const ring of rings) events += ring.byteLength / EVENT_BYTES;
  const to = new Uint32Array((events + 1) * EVENT_MAX_WORDS);
  return to.subarray(0, loadAddon().encodeRings(rings, isa, to, Uint32Array.from(lost)));
}
