// SPDX-License-Identifier: MIT
// The library's slow exits: every exit that takes a threshold and longer, as it happens.
import { DEFAULT_VCPUS } from "./contract";
import { checkOptions } from "./check";
import { detailText, exitDetail } from "./details";
import { hex } from "./details/bits";
import { UsageError } from "./errors";
import { Machine } from "./host/machine";
import { REPORTING, preflight } from "./host/preflight";
import type { Vm } from "./host/vm";
import { type Pace, endOf } from "./intervals";
import { type Lost, NOTHING_LOST } from "./measure/lost";
import { Roster } from "./measure/roster";
import type { SlowExit } from "./measure/slow-exit";
import { wallClock } from "./measure/time";
import {
  type SlowExit as Event,
  type Session as Programs,
  type SessionInfo,
  openSession as load,
} from "./native/vmexit";
import { isaName, learnReasons, reasonName, reasonNumber } from "./reasons";
import { ReasonFilter } from "./reasons/filter";
import type { Options } from "./session";

export type { SlowExit };

// Some four buffers: guests may fill the buffer as fast as it is emptied, and a call has to end.
const MOST_AT_ONCE = 40_000;
// Between two looks. Polling costs the guests nothing, and this process 10 looks a second.
const LOOK_MS = 100;
// Between two looks of a walk, some ms of work.
const MOST_OF_A_LOOK = 1000;

/** Which exits to report. The kernel applies all of it: nothing else reaches this process. */
export interface SlowOptions extends Pick<Options, "attach" | "maxVcpus" | "pids" | "vcpuIds"> {
  /** Exits that take so many ns and longer; 0: all. */
  readonly thresholdNs: number;
  /** Also guest RIP and what the exit was about, for which the programs attach to records, which cost more. */
  readonly details?: boolean;
  /** Only exits of these reasons: numbers and names, separated by commas. */
  readonly reasons?: string;
  /** No exits of these. */
  readonly excludes?: string;
}

const KNOWN: Readonly<Record<keyof SlowOptions, true>> = {
  thresholdNs: true,
  details: true,
  reasons: true,
  excludes: true,
  attach: true,
  maxVcpus: true,
  pids: true,
  vcpuIds: true,
};

/** Slow exits, in order for each CPU. */
export interface SlowExits {
  readonly exits: readonly SlowExit[];
  /** What was lost since the session opened. */
  readonly lost: Lost;
}

/** A trace of slow exits. It holds programs and memory in the kernel until it is closed, or the process ends. */
export class SlowSession {
  readonly #programs: Programs;
  readonly #details: boolean;
  readonly #roster: Roster;
  #lost = NOTHING_LOST;

  /** openSlowSession() makes them. */
  constructor(programs: Programs, details: boolean, roster = new Roster()) {
    this.#programs = programs;
    this.#details = details;
    this.#roster = roster;
  }

  /** How the programs attached, and what they take. */
  info(): SessionInfo {
    return this.#programs.info();
  }

  /** Gives the accounts of vCPUs that ended back. @returns what was lost since the session opened */
  collect(): Lost {
    return (this.#lost = this.#programs.snapshot().lost);
  }

  /**
   * The slow exits since the last call, and what was lost since the session opened. A buffer of 1 MiB holds them
   * meanwhile: ten calls a second suffice, and what doesn't fit is in `lost.eventsDropped`.
   * @param most how many of them, the others later
   */
  take(most = MOST_AT_ONCE): SlowExits & { readonly more: boolean } {
    this.collect();
    return this.#take(most);
  }

  #take(most: number): SlowExits & { readonly more: boolean } {
    const [now, monotonicMs] = [Date.now(), Number(process.hrtime.bigint()) / 1e6];
    const events = this.#programs.takeEvents(most);
    const exits = events.flatMap((event) => {
      const vm = this.#roster.vmOf(event.tgid, event.startNs, event.comm);
      return vm ? [this.#exit(event, vm, wallClock(event.entryNs, now, monotonicMs))] : [];
    });
    return { exits, lost: this.#lost, more: events.length === most };
  }

  #exit(event: Event, vm: Vm, end: Date): SlowExit {
    const isa = isaName(event.isa);
    const reason = reasonNumber(isa, event.reason);
    const detail = this.#details ? exitDetail(isa, reason, event.detail) : undefined;
    return {
      vm,
      vcpu: event.vcpuId >= 0 ? event.vcpuId : undefined,
      tid: event.tid,
      isa,
      reason,
      name: reasonName(isa, reason),
      level: event.level === 2 ? 2 : 1,
      ns: event.ns,
      end,
      rip: this.#details ? hex(event.rip) : undefined,
      detail,
      details: this.#details ? detailText(detail) : undefined,
    };
  }

  /**
   * The slow exits as they happen, of each look at them; `count` and `intervalMs` mean nothing here. Ends with the
   * last ones when the pace does: the programs are detached then. The caller closes the session.
   */
  async *exits(pace: Pace = {}): AsyncGenerator<SlowExits, void, void> {
    const end = endOf(pace);
    const endAt = performance.now() + (pace.durationMs ?? Infinity);
    for (let more = false; ;) {
      const ready = pace.ready?.() !== false;
      const ms = more && ready ? 0 : Math.min(LOOK_MS, Math.max(0, endAt - performance.now()));
      await end.wait(ms, more ? pace.asked?.().then(() => undefined) : undefined);
      if (end.stopped || performance.now() >= endAt) break;
      const lost = this.collect();
      const taken = pace.ready?.() === false ? undefined : this.#take(MOST_OF_A_LOOK);
      more = taken?.more ?? more;
      yield taken ?? { exits: [], lost };
    }
    this.stop();
    this.collect();
    for (let more = true; more;) {
      const taken = this.#take(MOST_OF_A_LOOK);
      yield taken;
      more = taken.more;
    }
  }

  /** What was lost since the session opened, as far as it was read. */
  get lost(): Lost {
    return this.#lost;
  }

  /** Detaches the programs; exits still open aren't reported. */
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
 * Begins to report slow exits.
 * @throws ToolError in one line that ends with the mend, if this machine can't be traced
 * @throws UsageError for an unknown option, threshold or reason, TypeError for another value of the wrong kind
 */
export function openSlowSession(options: SlowOptions): SlowSession {
  checkOptions("openSlowSession", options, KNOWN);
  const {
    thresholdNs,
    details = false,
    reasons,
    excludes,
    maxVcpus = DEFAULT_VCPUS,
    attach = "auto",
    ...who
  } = options;
  if (!(Number.isSafeInteger(thresholdNs) && thresholdNs >= 0))
    throw new UsageError(`thresholdNs takes a whole number of ns, not ${thresholdNs}`);
  for (const [name, list] of Object.entries({ reasons, excludes }))
    if (list !== undefined && typeof list !== "string")
      throw new UsageError(`${name} takes text, numbers and names separated by commas`);
  if (details && (attach === "direct" || attach === "raw"))
    throw new UsageError('details need attach "record", or "auto"');
  const machine = new Machine();
  const isa = preflight(machine, REPORTING);
  learnReasons(machine.formatOf("kvm_exit") ?? "");
  const filter = new ReasonFilter(isa, { reasons, excludes });
  const kept = { timing: true, histograms: false, details, maxVcpus, attach, slowNs: thresholdNs };
  return new SlowSession(load({ ...who, ...kept, ...filter.session }, machine), details);
}
