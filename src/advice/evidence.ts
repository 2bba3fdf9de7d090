// SPDX-License-Identifier: MIT
// What advice is judged by: the numbers of a run, as rates of a vCPU.
import type { DetailRow } from "../measure/details";
import type { Host } from "../measure/lines";
import type { Counters, Sample } from "../measure/samples";
import type { Clock } from "../split/clock";
import type { ExitDetail } from "../details";
import { add, total, zero } from "../measure/samples";

/** The numbers of a run; what the readings don't have is undefined. */
export interface Evidence {
  /** How long exits were counted, in ns; undefined without exits. */
  readonly exitsNs: number | undefined;
  /** The same for all vCPUs together; undefined if it isn't known how many there were. */
  readonly vcpuNs: number | undefined;
  /** All exits by reason. */
  readonly samples: readonly Sample[];
  /** What exits were about, of all reasons that have it; undefined unless the readings have details. */
  readonly details: readonly DetailRow[] | undefined;
  /** Whether exits have handling times. */
  readonly timed: boolean;
  /** Whether it is told which exits of L2 went to L1. */
  readonly reflected: boolean;
  /** Exits by the run's quarters, from first to last. */
  readonly quarters: readonly Quarter[];
  /** What exits to the VMM were about, and for how long all vCPUs together were looked at, in ns; undefined unless that is told. */
  readonly vmm: { readonly details: readonly DetailRow[]; readonly vcpuNs: number } | undefined;
  /** The clocks of all vCPUs together; undefined unless the readings have the split of time. */
  readonly clock: Clock | undefined;
  /** What was recorded of the host; undefined if that is unknown, or there are several. */
  readonly host: Host | undefined;
}

/** A quarter of a run. */
export interface Quarter {
  readonly durationNs: number;
  /** How many exits of a reason there were. */
  readonly countOf: (isa: string, reason: number) => number;
}

/** Counters of all samples of a role, or all. */
export function sumOf(
  samples: readonly Sample[],
  wanted: (sample: Sample) => boolean = () => true,
): Counters {
  const sum = zero();
  for (const sample of samples) if (wanted(sample)) add(sum, total(sample));
  return sum;
}

/** Counters of all exits that were about something. */
export function about({ details = [] }: Evidence, wanted: (detail: ExitDetail) => boolean): Counters {
  const sum = zero();
  for (const { detail, sample } of details) if (detail && wanted(detail)) add(sum, total(sample));
  return sum;
}

/** How many there were in a second of a vCPU; 0 if it isn't known how many vCPUs there were. */
export function perVcpu({ vcpuNs = 0 }: Evidence, count: number): number {
  return vcpuNs > 0 ? (count * 1e9) / vcpuNs : 0;
}
