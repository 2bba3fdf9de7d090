// SPDX-License-Identifier: MIT
// The library's split of vCPUs' time: how long each vCPU did what.
import { DEFAULT_VCPUS } from "./contract";
import { checkOptions } from "./check";
import { Machine } from "./host/machine";
import { preflight } from "./host/preflight";
import { type Plan, walk } from "./intervals";
import { type Lost, NOTHING_LOST } from "./measure/lost";
import { Roster } from "./measure/roster";
import type { Time } from "./measure/time";
import { type SplitInfo, type SplitOptions as Programs, type Splitter, openSplitter } from "./native/split";
import { ClockLedger } from "./split/ledger";
import { type SplitReading, splitDiff } from "./split/reading";

/** Which vCPUs' time to split, and how. */
export interface SplitOptions extends Partial<Programs> {
  /** How many vCPUs that ended later readings tell apart; 1024 unless given. */
  readonly keepEnded?: number;
}

const KNOWN: Readonly<Record<keyof SplitOptions, true>> = {
  attach: true,
  maxVcpus: true,
  pids: true,
  vcpuIds: true,
  keepEnded: true,
};

// Each takes some KiB.
const KEEP_ENDED = 1024;

/** A split of time that runs. It holds programs and memory in the kernel until it is closed, or the process ends. */
export class SplitSession {
  readonly #programs: Splitter;
  readonly #ledger: ClockLedger;
  /** The reading of the moment at which the session opened: vCPUs that were there have some time already. */
  readonly opened: SplitReading;
  #lost = NOTHING_LOST;
  readonly #openedNs: number;
  #atNs = 0;
  #at = new Date();
  #isStopped = false;

  /** openSplit() makes sessions. */
  constructor(programs: Splitter, keepEnded: number, roster = new Roster()) {
    this.#programs = programs;
    this.#ledger = new ClockLedger(roster, keepEnded);
    this.collect();
    const end = this.#at;
    this.#openedNs = this.#atNs;
    this.opened = { start: end, end, durationNs: 0, lost: this.#lost, ...this.#ledger.read() };
  }

  /** How the programs attached, and what they take. */
  info(): SplitInfo {
    return this.#programs.info();
  }

  /** Takes in the clocks of vCPUs that ended, which gives their accounts in the kernel back: see Session.collect(). */
  collect(): Lost {
    if (this.#isStopped) return this.#lost;
    const snapshot = this.#programs.snapshot();
    [this.#at, this.#atNs] = [new Date(), snapshot.atNs];
    this.#ledger.update(snapshot);
    const { recordsFull, missedEvents } = snapshot;
    return (this.#lost = { ...NOTHING_LOST, recordsFull, missedEvents });
  }

  /** Reads all clocks, which only ever go on. What a vCPU is doing counts up to now. Does what collect() does. */
  read(): SplitReading {
    this.collect();
    const { start } = this.opened;
    const durationNs = this.#atNs - this.#openedNs;
    return { start, end: this.#at, durationNs, lost: this.#lost, ...this.#ledger.read() };
  }

  /** What was lost since the session opened, as far as it was read. */
  get lost(): Lost {
    return this.#lost;
  }

  /** Reads all clocks for the last time, and detaches the programs: later readings are of this moment. */
  stop(): void {
    if (this.#isStopped) return;
    this.collect();
    this.#isStopped = true;
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
 * Begins to split the time of all vCPUs, or of those that the options say: those that are there already, in what they
 * are doing, and those that come.
 * @throws ToolError in one line that ends with the mend, if this machine can't be traced
 * @throws UsageError for an unknown option, TypeError for a value of the wrong kind
 */
export function openSplit(options: SplitOptions = {}): SplitSession {
  checkOptions("openSplit", options, KNOWN);
  const { keepEnded = KEEP_ENDED, maxVcpus = DEFAULT_VCPUS, attach = "auto", ...who } = options;
  if (!(Number.isSafeInteger(keepEnded) && keepEnded >= 0))
    throw new TypeError(`keepEnded must be a whole number, not ${String(keepEnded)}`);
  const machine = new Machine();
  preflight(machine);
  return new SplitSession(openSplitter({ ...who, attach, maxVcpus }, machine), keepEnded);
}

/** What happened in an interval. */
export interface SplitInterval extends SplitReading, Time {}

/** The intervals of a session, as intervals(). */
export function splitIntervals(
  session: SplitSession,
  plan: Plan<SplitReading> = {},
): AsyncGenerator<SplitInterval, void, void> {
  return walk("splitIntervals", session, plan, splitDiff);
}
