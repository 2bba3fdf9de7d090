// Turns events as the ring buffer brings them into kvmtrace's records.
import { handlerOf } from "../reasons/handlers";
import { EVENT, TICKS_PER_US, UNKNOWN_VCPU, VERSION } from "./events";
import { KIND } from "./kinds";

/** Words of an event's header: time (2), process, thread, kind, number of data words. See bpf/trace.h. */
export const EVENT_HEADER_WORDS = 6;

/** On arm64 the record has no isa: the number that the live tools use. */
const ISA_ARM64 = 3;

/** One event of the ring buffer within an array of words. */
interface RawEvent {
  words: Uint32Array;
  at: number;
}

/** Writes kvmtrace's records, in this machine's byte order. */
export class Encoder {
  private out = new Uint32Array(1 << 16);
  private size = 0;
  private readonly vcpuOf = new Map<number, number>();

  /** @param arm64 whether the exits are arm64's, whose reason is ret and esr_ec */
  constructor(private readonly arm64: boolean) {}

  /** The words written so far: the caller's until the next write. */
  take(): Uint32Array {
    const taken = this.out.subarray(0, this.size);
    this.size = 0;
    return taken;
  }

  get waiting(): number {
    return this.size;
  }

  /** The record that a recording of ours begins with; no time stamp, so that the first relative time is 0. */
  begin(pid: number, now: Date): void {
    const ms = now.getTime();
    const words = [VERSION, TICKS_PER_US, ms >>> 0, Math.floor(ms / 2 ** 32)];
    this.put(EVENT.recording, pid, 0, undefined, words);
  }

  /** The record that a whole recording ends with: how many events were lost. */
  end(pid: number, lost: number): void {
    this.put(EVENT.end, pid, 0, undefined, [lost >>> 0, Math.floor(lost / 2 ** 32)]);
  }

  /** Writes the records of one event. */
  event(words: Uint32Array, at: number): void {
    const tid = words[at + 3] ?? 0;
    const raw: RawEvent = { words, at };
    const data = (index: number): number => words[at + EVENT_HEADER_WORDS + index] ?? 0;
    const put = (event: number, ...values: number[]): void => {
      this.put(event, words[at + 2] ?? 0, this.vcpuOf.get(tid) ?? UNKNOWN_VCPU, raw, values);
    };
    switch (words[at + 4]) {
      case KIND.entry:
        if (!this.arm64) this.vcpuOf.set(tid, data(0));
        put(EVENT.entry, tid);
        return;
      case KIND.exit:
        this.exit(data, tid, put);
        return;
      case KIND.nestedExit:
        put(EVENT.fromL2, tid);
        return;
      case KIND.reflected:
        put(EVENT.reflected, tid);
        return;
      case KIND.pageFault:
        put(EVENT.pageFault, data(0), data(1), data(2), tid);
        return;
      case KIND.injected:
        put(EVENT.injected, data(0), tid);
        return;
      case KIND.port:
        // KVM_PIO_IN is 0: arch/x86/kvm/trace.h.
        put(data(0) === 0 ? EVENT.portRead : EVENT.portWrite, data(1), data(2), data(3), tid);
        return;
      case KIND.controlRegister:
        put(data(0) === 0 ? EVENT.crRead : EVENT.crWrite, data(1), data(2), data(3), tid);
        return;
      case KIND.msr:
        put(data(0) === 0 ? EVENT.msrRead : EVENT.msrWrite, data(1), data(2), data(3), tid);
        return;
      case KIND.cpuid:
        put(EVENT.cpuid, data(0), data(1), data(2), data(3), data(4));
        return;
      case KIND.hypercall:
        put(EVENT.hypercall, data(0), data(1), data(2), tid);
        return;
      case KIND.apic:
        put(EVENT.apic, data(1), data(0), data(2), tid);
        return;
      case KIND.userspaceExit:
        put(EVENT.userspaceExit, data(0), data(1), tid);
        return;
      case KIND.wakeup:
        put(EVENT.wakeup, data(0), data(1), tid);
    }
  }

  private exit(
    data: (index: number) => number,
    tid: number,
    put: (event: number, ...values: number[]) => void,
  ): void {
    if (!this.arm64) this.vcpuOf.set(tid, data(4));
    const code = this.arm64 ? ((data(0) << 8) | (data(5) & 0xff)) >>> 0 : data(0);
    const isa = this.arm64 ? ISA_ARM64 : data(3);
    put(EVENT.exit, code, data(1), data(2), isa, tid);
    const handler = handlerOf(isa, code, data(5), data(7));
    if (handler) put(EVENT[handler.event], ...handler.words, tid);
  }

  private put(
    event: number,
    pid: number,
    vcpu: number,
    time: RawEvent | undefined,
    data: readonly number[],
  ): void {
    const words = 3 + (time ? 2 : 0) + data.length;
    if (this.size + words > this.out.length) {
      const grown = new Uint32Array(2 * this.out.length);
      grown.set(this.out);
      this.out = grown;
    }
    const { out } = this;
    out[this.size++] = event | (data.length << 28) | (time ? 1 << 31 : 0);
    out[this.size++] = pid;
    out[this.size++] = vcpu;
    if (time) {
      out[this.size++] = time.words[time.at] ?? 0;
      out[this.size++] = time.words[time.at + 1] ?? 0;
    }
    for (const word of data) out[this.size++] = word;
  }
}
