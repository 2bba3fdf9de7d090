// Adds turns up into a snapshot as the live tools take one from the kernel, so that all behind it is the same code.
import type { Snapshot } from "../native";
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
}

/** Counters by thread, instruction set, level and reason. */
export class Tally {
  private readonly threads = new Map<Thread, number>();
  private readonly slots = new Map<string, Slot>();

  /** @param nsPerTick what a tick of the recording lasts */
  add(turn: Turn, nsPerTick: number): void {
    let vcpu = this.threads.get(turn.thread);
    if (vcpu === undefined) this.threads.set(turn.thread, (vcpu = this.threads.size));
    const timed = turn.ended !== undefined;
    const key = [vcpu, turn.isa, turn.level, timed, turn.code].join();
    let slot = this.slots.get(key);
    if (!slot) {
      const { isa, level, code: reason } = turn;
      this.slots.set(key, (slot = { vcpu, isa, level, timed, reason, count: 0, totalNs: 0, maxNs: 0 }));
    }
    const ns = Math.round(((turn.ended ?? turn.exited) - turn.exited) * nsPerTick);
    slot.count++;
    slot.totalNs += ns;
    slot.maxNs = Math.max(slot.maxNs, ns);
  }

  /** @param lost events that the recorder lost */
  snapshot(lost: number): Snapshot {
    const threads = [...this.threads.keys()];
    const slots = [...this.slots.values()];
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
      lost: { recordsFull: 0, slotsFull: 0, missedEvents: lost },
    };
  }
}
