// The course of a trace that all counting tools share: load, run the command, show each interval, end.
import { type Lost, type Session, type Snapshot, openSession } from "../../src/native";
import { preflight } from "../../src/preflight";
import { type Isa, parseReasons } from "../../src/reasons";
import { lostBetween } from "../../src/render/lost";
import type { Interval } from "../../src/render/json";
import { type GroupOf, type Groups, Ledger, type Samples, difference } from "../../src/samples";
import type { SharedOptions } from "./options";
import { diagnose } from "./output";
import type { Status } from "./run";
import { TracedCommand, stopOnSignals } from "./stop";

/** How a tool wants its trace. */
export interface TraceRequest {
  readonly tool: string;
  readonly options: SharedOptions;
  readonly command: readonly string[];
  /** Seconds between showings; undefined: once, at the end. */
  readonly interval?: number;
  /** How many intervals. */
  readonly count?: number;
  readonly timing: boolean;
  readonly groupOf: GroupOf;
  /** Shows what happened in one interval. */
  readonly show: (interval: Interval, groups: Groups, lost: Lost) => void;
}

// How often records of vCPUs that ended are taken in, so that others find room: a churn of 1,000 VMs a second fits.
const HOUSEKEEPING_MS = 1000;

function reasonFilter(isa: Isa, options: SharedOptions): (reason: number) => boolean {
  const only = options.reasons === undefined ? undefined : parseReasons(isa, options.reasons);
  const without = options.excludes === undefined ? undefined : parseReasons(isa, options.excludes);
  return (reason) => (only?.has(reason) ?? true) && !without?.has(reason);
}

function filtered(groups: Groups, wanted: (reason: number) => boolean): Groups {
  const result: Groups = new Map<string, Samples>();
  for (const [group, samples] of groups)
    result.set(group, new Map([...samples].filter(([, sample]) => wanted(sample.reason))));
  return result;
}

function explain(session: Session): void {
  const info = session.info();
  const mebibytes = ((info.records * info.recordBytes) / 2 ** 20).toFixed(1);
  diagnose(`attached: ${info.attach}; ${info.records} records, ${mebibytes} MiB`);
  for (const program of info.programs) diagnose(`  ${program}`);
  for (const line of info.log.split("\n")) if (line !== "") diagnose(`libbpf: ${line}`);
}

/** Counts from one showing to the next. */
class Intervals {
  readonly #ledger: Ledger;
  #shown: Groups = new Map<string, Samples>();
  #lostShown: Lost = { recordsFull: 0, slotsFull: 0, missedEvents: 0 };
  #lost = this.#lostShown;
  #start = new Date();

  constructor(groupOf: GroupOf) {
    this.#ledger = new Ledger(groupOf);
  }

  take(snapshot: Snapshot): void {
    this.#ledger.update(snapshot);
    this.#lost = snapshot.lost;
  }

  next(final: boolean): [Interval, Groups, Lost] {
    const totals = this.#ledger.totals();
    const interval = { start: this.#start, end: new Date(), final };
    const result: [Interval, Groups, Lost] = [
      interval,
      difference(this.#shown, totals),
      lostBetween(this.#lostShown, this.#lost),
    ];
    this.#start = interval.end;
    this.#shown = totals;
    this.#lostShown = this.#lost;
    return result;
  }
}

/** Runs a whole trace; its status is the command's, if there was one. */
export async function trace(request: TraceRequest): Promise<Status> {
  const { options } = request;
  const wanted = reasonFilter(preflight(), options);
  const stop = stopOnSignals();
  const session = openSession({
    attach: options.attach,
    timing: request.timing,
    maxVcpus: options.maxVcpus,
    ...(options.pid ? { pids: options.pid } : {}),
  });
  try {
    if (options.verbose) explain(session);
    diagnose("Tracing... Hit Ctrl-C to end.");
    const [program, ...parameters] = request.command;
    const command =
      program === undefined ? undefined : new TracedCommand(program, parameters, options.json ? 2 : 1, stop);
    await command?.started;
    await showIntervals(request, session, stop, wanted);
    return await command?.finish();
  } finally {
    session.close();
  }
}

async function showIntervals(
  request: TraceRequest,
  session: Session,
  stop: ReturnType<typeof stopOnSignals>,
  wanted: (reason: number) => boolean,
): Promise<void> {
  const intervals = new Intervals(request.groupOf);
  const begin = performance.now();
  const endAt = request.options.duration === undefined ? Infinity : begin + request.options.duration * 1000;
  const last = request.count ?? Infinity;
  const show = (final: boolean) => {
    const [interval, groups, lost] = intervals.next(final);
    request.show(interval, filtered(groups, wanted), lost);
  };
  for (let shown = 1; ;) {
    const showAt = request.interval === undefined ? Infinity : begin + shown * request.interval * 1000;
    const until = Math.min(showAt, endAt, performance.now() + HOUSEKEEPING_MS);
    await stop.wait(until - performance.now());
    const now = performance.now();
    // Timers may fire a little early.
    if (stop.stopped || now >= endAt - 1 || (now >= showAt - 1 && shown >= last)) break;
    intervals.take(session.snapshot());
    if (now < showAt - 1) continue;
    show(false);
    shown++;
  }
  session.stop();
  intervals.take(session.snapshot());
  show(true);
}
