// SPDX-License-Identifier: MIT
// The course that all tools of exits share: open, run the command, hand on what happens, say what is to be said, end.
import { findings } from "../../src/host/findings";
import { hasHostPids } from "../../src/host/pid-namespace";
import { Machine } from "../../src/host/machine";
import { type RecordedFacts, recordedFacts } from "../../src/host/recorded";
import { COUNTING, REPORTING, preflight } from "../../src/host/preflight";
import { vmMatcher } from "../../src/host/vm";
import type { Pace, Plan } from "../../src/intervals";
import { Roster } from "../../src/measure/roster";
import type { Lost } from "../../src/measure/lost";
import { openSplitter } from "../../src/native/split";
import { type SessionInfo, openSession } from "../../src/native/vmexit";
import { type Isa, learnReasons } from "../../src/reasons";
import { ReasonFilter } from "../../src/reasons/filter";
import { lostLines } from "../../src/render/lost";
import { Session } from "../../src/session";
import { SlowSession } from "../../src/slow";
import { SplitSession } from "../../src/split-session";
import { checkProcesses, lateNames, whyNothing } from "./filters";
import type { SharedOptions, SplitOptions } from "./options";
import { diagnose, expectOutput, outputEnded, outputPending, outputWritten, queueOutput } from "./output";
import { LossReport } from "./losses";
import { type Meter, withOverhead } from "./overhead";
import { dropPowers } from "./powers";
import type { Status } from "./run";
import { type Stop, stopOnSignals } from "./stop";
import { TracedCommand, checkUser } from "./traced-command";

/** How a tool wants its programs. */
export interface Request {
  readonly options: SharedOptions;
  readonly command: readonly string[];
  readonly timing?: boolean;
  readonly histograms?: boolean;
  /** Whether times leave out what the vCPU slept or waited for a CPU. */
  readonly net?: boolean;
  readonly reflected?: boolean;
  /** Whether to tell what exits were about. */
  readonly details?: boolean;
  /** Returns of KVM_RUN to the VMM instead of exits. */
  readonly returns?: boolean;
  /** Whether the names of VMs are shown, which have to be read before the VMs end. */
  readonly names?: boolean;
  /** How many vCPUs that ended are shown, apart from others, until the end. */
  readonly keepsEnded?: number;
  /** Whether the output is a screen, which is written at once so that the terminal is given back on every way out. */
  readonly screen?: boolean;
  /** Instead of counting: report exits that take so many ns and longer, with details if wanted. */
  readonly slow?: { readonly ns: number; readonly details: boolean };
  /** Whether each output tells what was lost up to it, before the run ends. */
  readonly tellsLosses?: boolean;
  /** Called once tracing can begin, before anything is attached. */
  readonly begin?: (filter: ReasonFilter) => void;
}

/** A running trace. */
export interface Running<S> {
  readonly session: S;
  /** When to look, and when to end. */
  readonly plan: Omit<Plan, "from"> & Pace;
  readonly stop: Stop;
  /** Says that something was shown: else the user is told why nothing was. */
  readonly shown: () => void;
  /** Tells on standard error what was lost and isn't told yet: for an output that doesn't tell it. */
  readonly tellLosses: () => void;
  /** Facts of the host for --json, read while this process may look at others' files. */
  readonly facts: RecordedFacts | undefined;
}

/** A running trace of exits. */
export interface Watch<S> extends Running<S> {
  readonly isa: Isa;
  readonly filter: ReasonFilter;
}

/** What shows a session to its end. */
export type Show<S> = (watch: Watch<S>) => Promise<void>;

/** A trace from its beginning to its end. */
interface Course<S> {
  readonly options: Omit<SharedOptions, "attach" | "unit" | "header" | "maxVcpus">;
  readonly command: readonly string[];
  readonly names: boolean;
  /** Whether it is no wonder that nothing is shown. */
  readonly mayShowNothing: boolean;
  readonly screen: boolean;
  /** Whether each output tells what was lost up to it. */
  readonly tellsLosses: boolean;
  /** What the host has to have. */
  readonly needs: Parameters<typeof preflight>[1];
  /** Checks what was asked for; what that returns opens the session. @throws UsageError */
  readonly prepare: (machine: Machine, isa: Isa) => (roster: Roster) => S;
}

// How long a VM, where names are shown, waits until its name is read: one that has ended by then has none. Polling costs
// the guests nothing, and this process 10 looks a second.
const NAMES_MS = 100;
const HOUSEKEEPING_MS = 1000;
const STRICT_STATUS = 3;
/** Vast for a table at the end: each takes some 5 KiB, with histograms 20. */
export const MAX_ENDED = 65_536;

export function explain(info: Omit<SessionInfo, "attach"> & { readonly attach: string }): void {
  const mebibytes = (info.mapBytes / 2 ** 20).toFixed(1);
  diagnose(`attached: ${info.attach}; ${info.records} accounts, ${mebibytes} MiB in the kernel`);
  for (const { name, section, verifiedInsns, jitedBytes } of info.programs)
    diagnose(`  ${name} on ${section}: ${verifiedInsns} instructions verified, ${jitedBytes} bytes`);
  for (const line of info.log.split("\n")) if (line !== "") diagnose(`libbpf: ${line}`);
}

function open(
  {
    options,
    timing = false,
    histograms = false,
    net = false,
    reflected = false,
    details = false,
    returns = false,
    slow,
  }: Request,
  filter: ReasonFilter,
  machine: Machine,
) {
  return openSession(
    {
      attach: options.attach,
      // What an exit was about is filed when it ends.
      timing: timing || details,
      histograms,
      details: slow?.details ?? details,
      net,
      reflected,
      returns,
      maxVcpus: options.maxVcpus,
      ...(slow ? { slowNs: slow.ns, ...filter.session } : {}),
      ...(options.pid ? { pids: options.pid } : {}),
      ...(options.vcpu ? { vcpuIds: options.vcpu } : {}),
    },
    machine,
  );
}

/** What a user should know of the VMs' names. */
function nameRemark(roster: Roster, options: Pick<SharedOptions, "vm">): string | undefined {
  // A process that /proc hides looks as if it had ended.
  if (roster.late > 0 && hasHostPids())
    for (const { state, meaning, mend = "" } of findings(new Machine(), ["processes"]))
      if (state !== "good") return `${meaning}; ${mend}.`;
  if (hasHostPids()) return lateNames(roster.late, options.vm !== undefined);
  return "VMs have their programs' names: this runs in a pid namespace, without the host's process ids.";
}

/** Watches counters; the status is the command's, if there was one, or 3 under --strict if anything was lost. */
export function watch(request: Request, show: Show<Session>): Promise<Status> {
  const { timing = false, keepsEnded = 0 } = request;
  const kept = { timing, ended: keepsEnded, endedUnread: MAX_ENDED };
  return watchAny(request, (programs, roster) => new Session(programs, kept, roster), show);
}

/** Watches slow exits, as watch(). */
export function watchSlow(
  request: Request & Required<Pick<Request, "slow">>,
  show: Show<SlowSession>,
): Promise<Status> {
  const { details } = request.slow;
  return watchAny(request, (programs, roster) => new SlowSession(programs, details, roster), show);
}

/** Watches what `make` makes of the programs, as watch(). */
export function watchAny<S extends Watched>(
  request: Request,
  make: (programs: ReturnType<typeof openSession>, roster: Roster) => S,
  show: Show<S>,
): Promise<Status> {
  const { options, command, names = false, screen = false, slow } = request;
  const tellsLosses = request.tellsLosses ?? screen;
  let known: Pick<Watch<S>, "isa" | "filter"> | undefined;
  const prepare = (machine: Machine, isa: Isa) => {
    learnReasons(machine.formatOf("kvm_exit") ?? "");
    const codes = request.returns === true ? "kvm_run" : isa;
    const wanted = new ReasonFilter(codes, options, slow?.details ?? request.details);
    known = { isa, filter: wanted };
    return (roster: Roster) => {
      request.begin?.(wanted);
      return make(open(request, wanted, machine), roster);
    };
  };
  const needs = slow ? REPORTING : COUNTING;
  const mayShowNothing = slow !== undefined;
  return follow(
    { options, command, names, mayShowNothing, screen, tellsLosses, needs, prepare },
    async (running) => {
      if (known) await show({ ...running, ...known });
    },
  );
}

/** Watches the split of vCPUs' time, as watch(). */
export function watchSplit(
  {
    options,
    command,
    keepsEnded = 0,
    tellsLosses = false,
  }: Pick<Request, "command" | "keepsEnded" | "tellsLosses"> & { options: SplitOptions },
  show: (running: Running<SplitSession> & { readonly isa: Isa }) => Promise<void>,
): Promise<Status> {
  let isa: Isa | undefined;
  const { attach, maxVcpus, pid, vcpu } = options;
  const who = { ...(pid ? { pids: pid } : {}), ...(vcpu ? { vcpuIds: vcpu } : {}) };
  const prepare = (machine: Machine, found: Isa) => (roster: Roster) => {
    isa = found;
    return new SplitSession(openSplitter({ attach, maxVcpus, ...who }, machine), keepsEnded, roster);
  };
  return follow(
    {
      options,
      command,
      names: true,
      mayShowNothing: false,
      screen: false,
      tellsLosses,
      needs: COUNTING,
      prepare,
    },
    async (running) => {
      if (isa) await show({ ...running, isa });
    },
  );
}

/** What can be watched. */
export interface Watched {
  readonly lost: Lost;
  info(): Parameters<typeof explain>[0];
  close(): void;
}

function follow<S extends Watched>(
  course: Course<S>,
  show: (running: Running<S>) => Promise<void>,
): Promise<Status> {
  return withOverhead(course.options.overhead, (meter) => followToEnd(course, meter, show));
}

async function followToEnd<S extends Watched>(
  {
    options,
    command: toRun,
    names: namesShown,
    mayShowNothing,
    screen,
    tellsLosses,
    needs,
    prepare,
  }: Course<S>,
  meter: Meter,
  show: (running: Running<S>) => Promise<void>,
): Promise<Status> {
  checkUser(options.user, toRun);
  const machine = new Machine();
  const openIt = prepare(machine, preflight(machine, needs));
  expectOutput();
  if (!screen) queueOutput();
  checkProcesses(options);
  const stop = stopOnSignals();
  const roster = new Roster(options.vm === undefined ? undefined : vmMatcher(options.vm));
  const names = namesShown || options.vm !== undefined;
  const session = openIt(roster);
  try {
    meter.begin();
    if (options.verbose) explain(session.info());
    if (!screen) diagnose("Tracing... Hit Ctrl-C to end.");
    const output = options.json || options.csv ? 2 : 1;
    const command = TracedCommand.run({ command: toRun, user: options.user, output }, stop);
    await command?.started;
    const facts = options.json ? recordedFacts(machine) : undefined;
    dropPowers({ names, maps: true, command: command !== undefined });
    let shown = mayShowNothing;
    const losses = new LossReport(() => lostLines(session.lost), diagnose);
    const looked = () => {
      if (!tellsLosses) losses.tell(performance.now());
      if (options.strict === "now" && lostLines(session.lost).length > 0) stop.stop();
    };
    const plan = {
      end: stop,
      looked,
      lookMs: names ? NAMES_MS : HOUSEKEEPING_MS,
      ...(options.duration === undefined ? {} : { durationMs: options.duration * 1000 }),
      ready: () => !outputPending(),
    };
    await show({
      session,
      plan,
      stop,
      shown: () => (shown = true),
      tellLosses: () => losses.tellAll(),
      facts,
    });
    const status = await command?.finish();
    // What is said of the tables comes after them.
    await outputWritten();
    const remarks = [
      names ? nameRemark(roster, options) : undefined,
      shown ? undefined : whyNothing(options, roster.unwanted),
    ];
    if (!outputEnded()) for (const remark of remarks) if (remark !== undefined) diagnose(remark);
    meter.report();
    return options.strict && lostLines(session.lost).length > 0 && !status ? STRICT_STATUS : status;
  } finally {
    session.close();
  }
}
