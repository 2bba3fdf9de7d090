// The course of a trace that all tools share: load, run the command, show each interval, end.
import { setImmediate as immediate } from "node:timers/promises";
import { Grouping, type By, type Identity } from "../../src/measure/grouping";
import { type Session, type SlowExit, openSession } from "../../src/native/vmexit";
import { hasHostPids } from "../../src/host/pid-namespace";
import { preflight } from "../../src/host/preflight";
import { ReasonFilter } from "../../src/reasons/filter";
import type { Interval } from "../../src/measure/interval";
import { Ledger } from "../../src/measure/ledger";
import { type Lost, NOTHING_LOST, lostBetween } from "../../src/measure/lost";
import { lostLines } from "../../src/render/lost";
import type { Samples } from "../../src/measure/samples";
import { nameMatcher } from "../../src/host/vm";
import { checkProcesses, lateNames, whyNothing } from "./filters";
import type { SharedOptions } from "./options";
import { diagnose, expectOutput, outputEnded, outputPending, outputWritten, queueOutput } from "./output";
import { type Meter, withOverhead } from "./overhead";
import type { Status } from "./run";
import { type Stop, TracedCommand, stopOnSignals } from "./stop";

/** Samples of a group, and whose they are. */
export type Group = readonly [Identity, Samples];

/** How a tool wants its trace. */
export interface TraceRequest {
  readonly options: SharedOptions;
  readonly command: readonly string[];
  /** Seconds between showings; undefined: once, at the end. */
  readonly interval?: number;
  /** How many intervals. */
  readonly count?: number;
  readonly timing?: boolean;
  readonly histograms?: boolean;
  readonly reflected?: boolean;
  readonly by?: By;
  /** Called once tracing can begin, with the instruction set and the reasons that are wanted. */
  readonly begin?: (filter: ReasonFilter) => void;
  /** Shows what happened in one interval. */
  readonly show?: (interval: Interval, groups: readonly Group[], lost: Lost) => void;
  /** Instead of counting: shows exits that take so many ns and longer, as they happen. */
  readonly slow?: {
    readonly ns: number;
    readonly details: boolean;
    readonly show: (exits: readonly SlowExit[], grouping: Grouping) => void;
  };
}

// How often records of vCPUs that ended are taken in, so that others find room: a churn of 1,000 VMs a second fits.
const HOUSEKEEPING_MS = 1000;
// How long a slow exit waits for being shown, and a VM, where names are shown, until its name is read: one that has ended
// by then has none. Polling costs the guests nothing, and this process 10 looks a second.
const EVENTS_MS = 100;
// Slow exits shown without looking at signals and time in between: some ms of work.
const EVENTS_AT_ONCE = 1000;
const STRICT_STATUS = 3;
// Timers may fire a little early.
const EARLY_MS = 1;

function explain(session: Session): void {
  const info = session.info();
  const mebibytes = (info.mapBytes / 2 ** 20).toFixed(1);
  diagnose(`attached: ${info.attach}; ${info.records} records, ${mebibytes} MiB in the kernel`);
  for (const { name, section, verifiedInsns, jitedBytes } of info.programs)
    diagnose(`  ${name} on ${section}: ${verifiedInsns} instructions verified, ${jitedBytes} bytes`);
  for (const line of info.log.split("\n")) if (line !== "") diagnose(`libbpf: ${line}`);
}

/** A running trace: what was read of it, and what was shown. */
class Trace {
  readonly #request: TraceRequest;
  readonly #session: Session;
  readonly #filter: ReasonFilter;
  readonly #grouping: Grouping;
  readonly #ledger: Ledger;
  #lost = NOTHING_LOST;
  #lostShown = NOTHING_LOST;
  #start = new Date();
  #showed = false;
  // Whether there are probably more slow exits to show already.
  #behind = false;

  constructor(request: TraceRequest, session: Session, filter: ReasonFilter) {
    const { vm } = request.options;
    this.#request = request;
    this.#session = session;
    this.#filter = filter;
    this.#grouping = new Grouping(request.by ?? "reason", vm === undefined ? undefined : nameMatcher(vm));
    this.#ledger = new Ledger(this.#grouping.groupOf, request.timing ?? false);
  }

  /** Whether the names of VMs matter, which have to be read before the VMs end. */
  get #showsNames(): boolean {
    const { slow, by = "reason", options } = this.#request;
    return slow?.details === true || by !== "reason" || options.vm !== undefined;
  }

  get #looksOften(): boolean {
    return this.#request.slow !== undefined || this.#showsNames;
  }

  get lostAnything(): boolean {
    return lostLines(this.#lost).length > 0;
  }

  /** What a user should know of what was shown, and of what wasn't. */
  remarks(): string[] {
    const { options, slow } = this.#request;
    const late = hasHostPids()
      ? lateNames(this.#grouping.late, options.vm !== undefined)
      : "VMs have their programs' names: this runs in a pid namespace, without the host's process ids.";
    return [
      ...(this.#showsNames && late !== undefined ? [late] : []),
      ...(this.#showed || slow ? [] : [whyNothing(options, this.#grouping.others)]),
    ];
  }

  /** Takes in what the kernel counted, and shows slow exits. */
  read(): void {
    const snapshot = this.#session.snapshot();
    this.#ledger.update(snapshot);
    this.#lost = snapshot.lost;
    if (!outputPending()) this.#showSlow();
  }

  #showSlow(): void {
    const { slow } = this.#request;
    if (!slow) return;
    const exits = this.#session.takeEvents(EVENTS_AT_ONCE);
    this.#behind = exits.length === EVENTS_AT_ONCE;
    slow.show(exits, this.#grouping);
  }

  /** Shows what is left when tracing has stopped; a second signal is heard in between. */
  async #end(): Promise<void> {
    this.read();
    do {
      await immediate();
      this.#showSlow();
    } while (this.#behind);
    this.show(true);
  }

  /** Waits for the next look; in a flood of slow exits only until those of the last one are written. */
  #nextLook(stop: Stop, latest: number): Promise<void> {
    const pending = outputPending();
    const ms = this.#behind && !pending ? 0 : this.#looksOften ? EVENTS_MS : HOUSEKEEPING_MS;
    const written = this.#behind && pending ? outputWritten() : undefined;
    return stop.wait(Math.min(latest - performance.now(), ms), written);
  }

  /** Shows what happened since the last time. */
  show(final: boolean): void {
    const interval = { start: this.#start, end: new Date(), final };
    const groups = this.#ledger.interval();
    const shown = this.#grouping.sorted(groups.keys()).map((key): Group => {
      const samples = [...(groups.get(key) ?? [])].filter(([, { reason }]) => this.#filter.wants(reason));
      return [this.#grouping.identity(key), new Map(samples)];
    });
    this.#showed ||= shown.some(([, samples]) => samples.size > 0);
    this.#request.show?.(interval, shown, lostBetween(this.#lostShown, this.#lost));
    this.#start = interval.end;
    this.#lostShown = this.#lost;
    for (const key of this.#ledger.forgetEnded()) this.#grouping.forget(key);
  }

  /** Shows intervals until the end. */
  async run(stop: Stop): Promise<void> {
    const { count = Infinity, options } = this.#request;
    const intervalMs = (this.#request.interval ?? Infinity) * 1000;
    const begin = performance.now();
    const endAt = begin + (options.duration ?? Infinity) * 1000;
    let showAt = begin + intervalMs;
    for (let shown = 1; ;) {
      await this.#nextLook(stop, Math.min(showAt, endAt));
      const due = performance.now() + EARLY_MS;
      if (stop.stopped || due >= endAt || (due >= showAt && shown >= count)) break;
      this.read();
      if (due < showAt) continue;
      // After a pause, or while nobody reads what was shown before, one interval covers those that were missed.
      if (!outputPending()) {
        this.show(false);
        shown++;
      }
      showAt += (1 + Math.floor((due - showAt) / intervalMs)) * intervalMs;
    }
    this.#session.stop();
    await this.#end();
  }
}

/** Runs a whole trace; its status is the command's, if there was one, or 3 under --strict if anything was lost. */
export function trace(request: TraceRequest): Promise<Status> {
  return withOverhead(request.options.overhead, (meter) => traceToEnd(request, meter));
}

async function traceToEnd(request: TraceRequest, meter: Meter): Promise<Status> {
  const { options, slow } = request;
  const filter = new ReasonFilter(preflight(), options);
  expectOutput();
  queueOutput();
  checkProcesses(options);
  request.begin?.(filter);
  const stop = stopOnSignals();
  const session = openSession({
    attach: options.attach,
    timing: request.timing ?? false,
    histograms: request.histograms ?? false,
    details: slow?.details ?? false,
    reflected: request.reflected ?? false,
    maxVcpus: options.maxVcpus,
    ...(slow ? { slowNs: slow.ns, ...filter.session } : {}),
    ...(options.pid ? { pids: options.pid } : {}),
    ...(options.vcpu ? { vcpuIds: options.vcpu } : {}),
  });
  try {
    meter.begin();
    if (options.verbose) explain(session);
    diagnose("Tracing... Hit Ctrl-C to end.");
    const trace = new Trace(request, session, filter);
    const [program, ...parameters] = request.command;
    const output = options.json || options.csv ? 2 : 1;
    const command = program === undefined ? undefined : new TracedCommand(program, parameters, output, stop);
    await command?.started;
    await trace.run(stop);
    const status = await command?.finish();
    // What is said of the tables comes behind them.
    await outputWritten();
    if (!outputEnded()) for (const remark of trace.remarks()) diagnose(remark);
    meter.report();
    return options.strict && trace.lostAnything && !status ? STRICT_STATUS : status;
  } finally {
    session.close();
  }
}
