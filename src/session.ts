// The library's sessions: a trace from its beginning to its end.
import { checkOptions } from "./check";
import { type SessionInfo, type SessionOptions, openSession as load } from "./native/vmexit";
import type { Session as Programs } from "./native/vmexit";
import { preflight } from "./host/preflight";
import { Reader, type Reading } from "./measure/reading";

/** What to trace, and how; nothing needs to be said. */
export type Options = Partial<
  Pick<SessionOptions, "attach" | "timing" | "histograms" | "maxVcpus" | "pids" | "vcpuIds">
>;

const KNOWN: Readonly<Record<keyof Options, true>> = {
  attach: true,
  timing: true,
  histograms: true,
  maxVcpus: true,
  pids: true,
  vcpuIds: true,
};

/** A trace that runs. It holds programs and memory in the kernel until it is closed, or the process ends. */
export class Session {
  readonly #programs: Programs;
  readonly #reader: Reader;

  /** openSession() makes sessions. */
  constructor(programs: Programs, timing: boolean) {
    this.#programs = programs;
    this.#reader = new Reader(timing);
  }

  /** How the programs attached, and what they take. */
  info(): SessionInfo {
    return this.#programs.info();
  }

  /**
   * Reads all counters, which only ever grow. A vCPU that ended gives its record in the kernel back when it is read: where
   * VMs come and go, read about once a second, or some may find no record (`lost.recordsFull`).
   */
  read(): Reading {
    return this.#reader.read(this.#programs.snapshot());
  }

  /** Detaches the programs. The next reading has everything, exits without an entry as counted but not timed. */
  stop(): void {
    this.#programs.stop();
  }

  /** Gives everything back to the kernel. May be called again; nothing else may. */
  close(): void {
    this.#programs.close();
  }
}

/**
 * Begins to count the exits of all VMs, or of those that the options say; without `timing: true` without handling times,
 * without `histograms: true` besides without their distribution.
 * @throws ToolError in one line that ends with the mend, if this machine can't be traced
 * @throws UsageError for an option that there isn't, TypeError for a value that isn't one
 */
export function openSession(options: Options = {}): Session {
  checkOptions("openSession", options, KNOWN);
  preflight();
  const { timing = false, histograms = false, maxVcpus = 1024, attach = "auto" } = options;
  return new Session(load({ ...options, attach, timing, histograms, maxVcpus, details: false }), timing);
}
