// SPDX-License-Identifier: MIT
// The library's sessions: a trace from its beginning to its end.
import { DEFAULT_VCPUS } from "./contract";
import { checkOptions } from "./check";
import { UsageError } from "./errors";
import { Machine } from "./host/machine";
import { preflight } from "./host/preflight";
import { type Kept, Ledger } from "./measure/ledger";
import { type Lost, NOTHING_LOST } from "./measure/lost";
import type { Reading } from "./measure/reading";
import { Roster } from "./measure/roster";
import { type SessionInfo, type SessionOptions, openSession as load } from "./native/vmexit";
import type { Session as Programs } from "./native/vmexit";
import { learnReasons } from "./reasons";

/** What to trace, and how; nothing needs to be said. */
export interface Options extends Partial<
  Pick<
    SessionOptions,
    "attach" | "timing" | "histograms" | "net" | "details" | "maxVcpus" | "pids" | "vcpuIds"
  >
> {
  /** How many vCPUs that ended later readings tell apart; 1024 unless given. */
  readonly keepEnded?: number;
}

const KNOWN: Readonly<Record<keyof Options, true>> = {
  attach: true,
  timing: true,
  details: true,
  histograms: true,
  net: true,
  maxVcpus: true,
  pids: true,
  vcpuIds: true,
  keepEnded: true,
};

// Each takes some 5 KiB, with histograms 20.
const KEEP_ENDED = 1024;

const monotonicNs = () => Math.round(performance.now() * 1e6);

/** A trace that runs. It holds programs and memory in the kernel until it is closed, or the process ends. */
export class Session {
  readonly #programs: Programs;
  readonly #ledger: Ledger;
  readonly #start = new Date();
  readonly #startNs = monotonicNs();
  #lost = NOTHING_LOST;

  /** openSession() makes sessions. */
  constructor(programs: Programs, kept: Kept, roster = new Roster()) {
    this.#programs = programs;
    this.#ledger = new Ledger(roster, kept);
  }

  /** How the programs attached, and what they take. */
  info(): SessionInfo {
    return this.#programs.info();
  }

  /** The reading of the moment at which the session opened: nothing counted. */
  get opened(): Reading {
    const [start, vcpus] = [this.#start, new Map<string, never>()];
    return { start, end: start, durationNs: 0, number: 0, lost: NOTHING_LOST, vcpus, exits: new Map() };
  }

  /**
   * Takes in what vCPUs counted that ended, which gives their accounts in the kernel back, and the names of new VMs.
   * Where VMs come and go, this or read() is called about once a second, or some may find no account
   * (`lost.recordsFull`).
   * @returns what was lost since the session opened
   */
  collect(): Lost {
    const snapshot = this.#programs.snapshot();
    this.#ledger.update(snapshot);
    return (this.#lost = snapshot.lost);
  }

  /** Reads all counters, which only ever grow. Does what collect() does. */
  read(): Reading {
    this.collect();
    const counted = this.#ledger.read();
    const durationNs = monotonicNs() - this.#startNs;
    return { start: this.#start, end: new Date(), durationNs, lost: this.#lost, ...counted };
  }

  /** What was lost since the session opened, as far as it was read. */
  get lost(): Lost {
    return this.#lost;
  }

  /** Detaches the programs. The next reading has everything, exits without an entry as counted but not timed. */
  stop(): void {
    this.#programs.stop();
  }

  /** Gives everything back to the kernel. May be called again; nothing else may. */
  close(): void {
    this.#programs.close();
  }

  /** As close(), for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Begins to count the exits of all VMs, or of those that the options say; what they were about only with `details: true`:
 * `details` of each sample, which src/measure/details.ts makes rows of. Handling times only with `timing: true`, and
 * their distribution only with `histograms: true`, too. With `net: true` times leave out what a vCPU slept or waited for a
 * CPU within KVM_RUN, for which the programs have to attach directly.
 * @throws ToolError in one line that ends with the mend, if this machine can't be traced
 * @throws UsageError for an unknown option, TypeError for a value of the wrong kind
 */
export function openSession(options: Options = {}): Session {
  checkOptions("openSession", options, KNOWN);
  const {
    keepEnded = KEEP_ENDED,
    timing = false,
    details = false,
    histograms = false,
    maxVcpus = DEFAULT_VCPUS,
    attach = "auto",
    ...who
  } = options;
  if (!(Number.isSafeInteger(keepEnded) && keepEnded >= 0))
    throw new TypeError(`keepEnded must be a whole number, not ${String(keepEnded)}`);
  if (attach === "raw" && (details || who.net === true))
    throw new UsageError('details and net need attach "direct", or "auto"');
  const machine = new Machine();
  preflight(machine);
  learnReasons(machine.formatOf("kvm_exit") ?? "");
  // What an exit was about is filed when it ends.
  const programs = load(
    { ...who, attach, timing: timing || details, histograms, maxVcpus, details },
    machine,
  );
  return new Session(programs, { timing, ended: keepEnded, endedUnread: Math.max(keepEnded, KEEP_ENDED) });
}
