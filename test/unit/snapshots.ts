// SPDX-License-Identifier: MIT
// Snapshots as the addon takes them, and programs that give them out, without a kernel.
import { NOTHING_LOST } from "../../src/measure/lost";
import { type Reading, diff } from "../../src/measure/reading";
import { Roster } from "../../src/measure/roster";
import { DETAIL, type Session as Programs, type Snapshot } from "../../src/native/vmexit";
import { Session } from "../../src/session";

export interface Vcpu {
  readonly pid: number;
  /** -1: unknown. */
  readonly id?: number;
  readonly tid?: number;
  readonly ended?: boolean;
  readonly comm?: string;
}

export interface Slot {
  /** Row of the vCPU. */
  readonly vcpu: number;
  readonly reason: number;
  readonly count: number;
  readonly level?: number;
  readonly timed?: number;
  readonly reflected?: number;
  readonly totalNs?: number;
  readonly maxNs?: number;
  /** A detail as the kernel keeps it, or what there is in its place. */
  readonly detail?: bigint | "unknown" | "others";
  /** Bucket and count. */
  readonly buckets?: readonly (readonly [number, number])[];
}

/** A snapshot of SVM's exits. */
export function snapshot(vcpus: readonly Vcpu[], slots: readonly Slot[], missedEvents = 0): Snapshot {
  const column = (value: (slot: Slot) => number) => Float64Array.from(slots, value);
  const buckets = slots.flatMap(({ buckets = [] }, slot) =>
    buckets.map(([bucket, count]) => ({ slot, bucket, count })),
  );
  return {
    vcpus: {
      tgid: Uint32Array.from(vcpus, ({ pid }) => pid),
      tid: Uint32Array.from(vcpus, ({ pid, tid }, i) => tid ?? pid + i + 1),
      vcpuId: Int32Array.from(vcpus, ({ id }, i) => id ?? i),
      // Long before any process that is there now.
      startNs: Float64Array.from(vcpus, () => 1),
      ended: Uint8Array.from(vcpus, ({ ended }) => Number(ended ?? false)),
      comm: vcpus.map(({ comm, pid }) => comm ?? `vm${pid % 10}`),
    },
    slots: {
      vcpu: Uint32Array.from(slots, (slot) => slot.vcpu),
      isa: Uint8Array.from(slots, () => 2),
      level: Uint8Array.from(slots, (slot) => slot.level ?? 1),
      timed: Uint8Array.from(slots, (slot) => slot.timed ?? 1),
      reflected: Uint8Array.from(slots, (slot) => slot.reflected ?? 0),
      reason: Uint32Array.from(slots, (slot) => slot.reason),
      detailState: Uint8Array.from(slots, ({ detail }) =>
        detail === undefined ? DETAIL.none : typeof detail === "bigint" ? DETAIL.known : DETAIL[detail],
      ),
      detail: BigUint64Array.from(slots, ({ detail }) => (typeof detail === "bigint" ? detail : 0n)),
      count: column((slot) => slot.count),
      totalNs: column((slot) => slot.totalNs ?? 0),
      maxNs: column((slot) => slot.maxNs ?? 0),
    },
    buckets: {
      slot: Uint32Array.from(buckets, ({ slot }) => slot),
      bucket: Uint8Array.from(buckets, ({ bucket }) => bucket),
      count: Float64Array.from(buckets, ({ count }) => count),
    },
    lost: { ...NOTHING_LOST, missedEvents },
  };
}

/** Programs whose snapshots are made up. */
export class FakePrograms implements Programs {
  stopped = false;
  closed = false;
  readonly #next: () => Snapshot;

  constructor(next: () => Snapshot) {
    this.#next = next;
  }

  info() {
    return { attach: "direct", programs: [], log: "", records: 0, mapBytes: 0 } as const;
  }

  snapshot(): Snapshot {
    return this.#next();
  }

  takeEvents() {
    return [];
  }

  stop(): void {
    this.stopped = true;
  }

  close(): void {
    this.closed = true;
  }
}

export const KEPT = { timing: true, ended: 1024, endedUnread: 1024 } as const;

/** A session that reads these snapshots, in order. */
export function sessionOf(
  snapshots: readonly Snapshot[],
  kept = KEPT as { timing: boolean; ended: number; endedUnread: number },
): Session {
  const rest = [...snapshots];
  return new Session(
    new FakePrograms(() => rest.shift() ?? snapshot([], [])),
    kept,
    // These processes have the names that snapshots give them, whatever runs under their ids on this host.
    new Roster(undefined, {
      of: (pid, startNs, name) => ({ pid, startNs, name, source: "process" }),
      late: 0,
    }),
  );
}

/** What happened from each of these snapshots to the next, from the session's opening on. */
export function intervalsOf(
  snapshots: readonly Snapshot[],
  kept = KEPT as { timing: boolean; ended: number; endedUnread: number },
): Reading[] {
  const session = sessionOf(snapshots, kept);
  let previous = session.opened;
  return snapshots.map(() => {
    const next = session.read();
    const interval = diff(previous, next);
    previous = next;
    return interval;
  });
}
