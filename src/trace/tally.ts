// Adds turns up into a snapshot as the live tools take one from the kernel, so that all behind it is the same code.
import type { Snapshot } from "../native/vmexit";
import { BUCKETS, bucketStart } from "../measure/histogram";
import { NOTHING_LOST } from "../measure/lost";
import type { Thread, Turn } from "./turns";

interface Slot {
  vcpu: number;
  isa: number;
  level: number;
  timed: boolean;
  reason: number;
  count: number;
  totalNs: number;
  maxNs: number;
  buckets: Map<number, number>;
}

/** The bucket of a handling time: the last one that begins no later. */
function bucketOf(ns: number): number {
  let [low, high] = [0, BUCKETS];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (bucketStart(middle) <= ns) low = middle;
    else high = middle;
  }
  return low;
}

/** Counters by thread, instruction set, level and reason. */
export class Tally {
  readonly #threads = new Map<Thread, number>();
  readonly #slots = new Map<string, Slot>();

  /** @param nsPerTick what a tick of the recording lasts */
  add(turn: Turn, nsPerTick: number): void {
    let vcpu = this.#threads.get(turn.thread);
    if (vcpu === undefined) this.#threads.set(turn.thread, (vcpu = this.#threads.size));
    const timed = turn.ended !== undefined;
    const key = [vcpu, turn.isa, turn.level, timed, turn.code].join();
    let slot = this.#slots.get(key);
    if (!slot) {
      const { isa, level, code: reason } = turn;
      const counters = { count: 0, totalNs: 0, maxNs: 0, buckets: new Map<number, number>() };
      this.#slots.set(key, (slot = { vcpu, isa, level, timed, reason, ...counters }));
    }
    slot.count++;
    if (turn.ended === undefined) return;
    const ns = Math.round((turn.ended - turn.exited) * nsPerTick);
    slot.totalNs += ns;
    slot.maxNs = Math.max(slot.maxNs, ns);
    const bucket = bucketOf(ns);
    slot.buckets.set(bucket, (slot.buckets.get(bucket) ?? 0) + 1);
  }

  /** Everything added so far. */
  snapshot(): Snapshot {
    const threads = [...this.#threads.keys()];
    const slots = [...this.#slots.values()];
    const buckets = slots.flatMap((slot, index) =>
      [...slot.buckets].map(([bucket, count]) => [index, bucket, count] as const),
    );
    return {
      vcpus: {
        tgid: Uint32Array.from(threads, (thread) => thread.pid),
        tid: Uint32Array.from(threads, (thread) => thread.tid),
        vcpuId: Int32Array.from(threads, (thread) => thread.vcpu),
        startNs: new Float64Array(threads.length),
        ended: new Uint8Array(threads.length),
        comm: threads.map(() => ""),
      },
      slots: {
        vcpu: Uint32Array.from(slots, (slot) => slot.vcpu),
        isa: Uint8Array.from(slots, (slot) => slot.isa),
        level: Uint8Array.from(slots, (slot) => slot.level),
        timed: Uint8Array.from(slots, (slot) => Number(slot.timed)),
        reason: Uint32Array.from(slots, (slot) => slot.reason),
        count: Float64Array.from(slots, (slot) => slot.count),
        totalNs: Float64Array.from(slots, (slot) => slot.totalNs),
        maxNs: Float64Array.from(slots, (slot) => slot.maxNs),
      },
      buckets: {
        slot: Uint32Array.from(buckets, ([slot]) => slot),
        bucket: Uint8Array.from(buckets, ([, bucket]) => bucket),
        count: Float64Array.from(buckets, ([, , count]) => count),
      },
      lost: NOTHING_LOST,
    };
  }
}
