// SPDX-License-Identifier: MIT
// ftrace's own log of the kernel's events, in an instance of its own: what the tools' numbers are compared with.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { KVM_HV } from "../../src/host/machine";

/** Counts by what the kernel prints as the reason. */
export type Logged = ReadonlyMap<string, number>;

// x86: "reason cpuid rip"; arm64: "TRAP: HSR_EC: 0x0016 (HVC64), PC", of which the class says nothing but in a TRAP; riscv64:
// "SEPC:0x80000014, SCAUSE:0xa, STVAL"; ppc64: "VCPU 0: trap=SYSCALL pc".
const REASON =
  /kvm_(?:guest_)?exit: (?:(?:vcpu|VCPU) \d+:? )?(?:reason (?:EXIT_)?(.*?) rip|(TRAP): HSR_EC: \w+ \((\w+)\)|(?:SEPC:\w+, SCAUSE:|trap=)?(\w+)[:, ])/g;

/** One of KVM's events, or one with the name of its system and with what the kernel's filter keeps of it. */
export type LogEvent = string | { readonly event: `${string}/${string}`; readonly filter: string };

/** A log that runs from its making to end(), with times of CLOCK_MONOTONIC. */
export class EventLog {
  readonly #folder: string;
  readonly #events: readonly string[];

  constructor(name: string, ...events: LogEvent[]) {
    this.#folder = `/sys/kernel/tracing/instances/${name}`;
    const place = (event: string) => (process.arch === "ppc64" && KVM_HV[event]) || `kvm/${event}`;
    this.#events = events.map((event) => (typeof event === "string" ? place(event) : event.event));
    mkdirSync(this.#folder);
    this.#write("buffer_size_kb", "8192");
    this.#write("trace_clock", "mono");
    for (const event of events)
      if (typeof event !== "string") this.#write(`events/${event.event}/filter`, event.filter);
    this.#enable("1");
  }

  /** Ends the log. Returns its text, whole: overwritten events would be said. */
  end(): string {
    this.#enable("0");
    const text = readFileSync(`${this.#folder}/trace`, "latin1");
    rmdirSync(this.#folder);
    const [, kept, written] = /entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(text) ?? [];
    if (kept !== written) throw new Error(`ftrace kept ${kept} of ${written} events`);
    return text;
  }

  #write(file: string, text: string): void {
    writeFileSync(`${this.#folder}/${file}`, text);
  }

  #enable(value: string): void {
    for (const event of this.#events) this.#write(`events/${event}/enable`, value);
  }
}

/** The exits of a log by their reasons. */
export function exitsIn(log: string): Logged {
  const counts = new Map<string, number>();
  for (const [, reason, trap, exceptionClass, returned] of log.matchAll(REASON)) {
    const name = reason ?? (trap === undefined ? returned : `${trap} ${exceptionClass}`) ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
