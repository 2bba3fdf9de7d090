// The library's slow exits: every exit that takes a threshold and longer, as it happens.
import { checkOptions } from "./check";
import { UsageError } from "./errors";
import { Grouping } from "./measure/grouping";
import {
  type Lost,
  type Session as Programs,
  type SessionInfo,
  type SlowExit as Event,
  openSession,
} from "./native/vmexit";
import { preflight } from "./host/preflight";
import { ReasonFilter } from "./reasons/filter";
import { isaName, reasonName, reasonNumber } from "./reasons";
import { exitDetails } from "./details/exit";
import { wallClock } from "./measure/interval";
import type { Options } from "./session";
import type { Vm } from "./host/vm";

// Some four buffers: guests may fill the buffer as fast as it is emptied, and a call has to end.
const MOST_AT_ONCE = 40_000;

/** Which exits to report. The kernel looks at all of it: nothing else reaches this process. */
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

/** An exit that was slow. */
export interface SlowExit {
  readonly vm: Vm;
  /** As KVM numbers them; undefined where the kernel doesn't tell. */
  readonly vcpu: number | undefined;
  readonly tid: number;
  readonly isa: string;
  /** As its instruction set's manual numbers it. */
  readonly reason: number;
  /** Undefined if nobody gave the reason one. */
  readonly name: string | undefined;
  readonly level: 1 | 2;
  /** The handling time. */
  readonly ns: number;
  /** When it ended. */
  readonly end: Date;
  /** With details: the guest's instruction pointer, 0 where it can't be read. */
  readonly rip: bigint | undefined;
  /** With details: `out port 0x3f8, 1 byte`; "" where there is nothing to tell. */
  readonly details: string | undefined;
}

/** A trace of slow exits. It holds programs and memory in the kernel until it is closed, or the process ends. */
export class SlowSession {
  readonly #programs: Programs;
  readonly #details: boolean;
  readonly #names = new Grouping("reason");

  /** openSlowSession() makes them. */
  constructor(programs: Programs, details: boolean) {
    this.#programs = programs;
    this.#details = details;
  }

  /** How the programs attached, and what they take. */
  info(): SessionInfo {
    return this.#programs.info();
  }

  /**
   * The slow exits since the last call, in order for each CPU, and what was lost since the session opened. A buffer of
   * 1 MiB holds them meanwhile: ten calls a second do, and what doesn't fit is in `lost.eventsDropped`.
   */
  take(): { exits: SlowExit[]; lost: Lost } {
    const { lost } = this.#programs.snapshot();
    const [now, monotonicMs] = [Date.now(), Number(process.hrtime.bigint()) / 1e6];
    const exits = this.#programs.takeEvents(MOST_AT_ONCE).flatMap((event) => {
      const vm = this.#names.vmOf(event.tgid, event.startNs, event.comm);
      return vm ? [this.#exit(event, vm, wallClock(event.entryNs, now, monotonicMs))] : [];
    });
    return { exits, lost };
  }

  #exit(event: Event, vm: Vm, end: Date): SlowExit {
    const isa = isaName(event.isa);
    const reason = reasonNumber(isa, event.reason);
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
      rip: this.#details ? event.rip : undefined,
      details: this.#details ? exitDetails(event) : undefined,
    };
  }

  /** Detaches the programs; exits still open aren't reported. */
  stop(): void {
    this.#programs.stop();
  }

  /** Gives everything back to the kernel. May be called again; nothing else may. */
  close(): void {
    this.#programs.close();
  }
}

/**
 * Begins to report slow exits.
 * @throws ToolError in one line that ends with the mend, if this machine can't be traced
 * @throws UsageError for an option, a threshold or a reason that isn't one, TypeError for another value that isn't one
 */
export function openSlowSession(options: SlowOptions): SlowSession {
  checkOptions("openSlowSession", options, KNOWN);
  const {
    thresholdNs,
    details = false,
    reasons,
    excludes,
    maxVcpus = 1024,
    attach = "auto",
    ...who
  } = options;
  if (!(Number.isSafeInteger(thresholdNs) && thresholdNs >= 0))
    throw new UsageError(`thresholdNs takes a whole number of ns, not ${thresholdNs}`);
  for (const [name, list] of Object.entries({ reasons, excludes }))
    if (list !== undefined && typeof list !== "string")
      throw new UsageError(`${name} takes text, numbers and names separated by commas`);
  if (details && attach === "direct") throw new UsageError('details need attach "record", or "auto"');
  const filter = new ReasonFilter(preflight(), { reasons, excludes });
  const kept = { timing: true, histograms: false, details, maxVcpus, attach, slowNs: thresholdNs };
  return new SlowSession(openSession({ ...who, ...kept, ...filter.session }), details);
}
