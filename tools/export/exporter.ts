// SPDX-License-Identifier: MIT
// An exporter's heart: a reading for each scrape, and looks in between that give back what ended vCPUs took.
import { release } from "node:os";
import { type Family, type Label } from "../../src/export/family";
import { Families } from "../../src/export/families";
import type { DetailWords } from "../../src/export/detail-sums";
import { Fleet, type Histograms, type Snapshots } from "../../src/export/fleet";
import type { Outcomes } from "../../src/export/push";
import { SteadyClock } from "../../src/export/steady-clock";
import { type TextFormat, exposition } from "../../src/export/text";
import { Machine } from "../../src/host/machine";
import { VmNames, runsStill } from "../../src/host/vm";
import { type ProgramRun, runStatistics } from "../../src/native/overhead";
import { type SplitInfo, type Splitter, openSplitter } from "../../src/native/split";
import {
  type AttachMode,
  type Lost,
  type Session,
  type SessionInfo,
  openSession,
} from "../../src/native/vmexit";
import { SPLIT_ATTACH } from "../lib/options";
import { version } from "../lib/version";

/** How an exporter is set up. */
export interface ExporterOptions {
  readonly attach: AttachMode;
  readonly maxVcpus: number;
  readonly histograms: Histograms;
  readonly maxSeries: number;
  readonly isa: string;
  /** Whether to count returns to the VMM. */
  readonly returns: boolean;
  /** Whether to split the time of vCPUs. */
  readonly split: boolean;
  /** Of how many details there are series, and their words; none unless given. */
  readonly details?: { readonly most: number; readonly words: DetailWords };
  /** Whether the kernel keeps statistics of the programs. */
  readonly overhead: boolean;
}

// Accounts of vCPUs that ended are given back, and names of VMs read, so often while VMs come and go.
const LOOK_MS = 1000;
// While nothing changes looks become rarer: a thousand vCPUs that end within so long fit.
const MAX_LOOK_MS = 16_000;

/** What a session loses that has neither histograms nor details. */
const lostReturns = ({ recordsFull, threadsFull, slotsFull, missedEvents }: Lost): Partial<Lost> => ({
  recordsFull,
  threadsFull,
  slotsFull,
  missedEvents,
});

/** The programs in the kernel. Returns and split take what exits cost once more, each. */
interface Sessions {
  readonly exits: Session;
  readonly returns: Session | undefined;
  readonly split: Splitter | undefined;
}

/** Attaches all programs, or none. */
function openAll({ attach, maxVcpus, histograms, returns, split, details }: ExporterOptions): Sessions {
  const machine = new Machine();
  const opened: { close(): void }[] = [];
  const open = <T extends { close(): void }>(session: T): T => {
    opened.push(session);
    return session;
  };
  const common = { attach, maxVcpus, timing: true } as const;
  try {
    return {
      exits: open(
        openSession(
          { ...common, histograms: histograms !== "none", details: details !== undefined },
          machine,
        ),
      ),
      returns: returns
        ? open(openSession({ ...common, histograms: false, details: false, returns: true }, machine))
        : undefined,
      split: split ? open(openSplitter({ attach: SPLIT_ATTACH[attach], maxVcpus }, machine)) : undefined,
    };
  } catch (error) {
    for (const session of opened) session.close();
    throw error;
  }
}

/** Reads sessions for scrapers. */
export class Exporter {
  readonly #sessions: Sessions;
  readonly #fleet: Fleet;
  readonly #families: Families;
  readonly #overhead: boolean;
  /** When it is. */
  readonly clock = new SteadyClock(
    () => Date.now(),
    () => performance.now(),
  );
  readonly #start = this.clock.now();
  readonly #mapBytes: number;
  readonly #host: readonly Label[];
  #lookMs = LOOK_MS;
  /** What became of pushes, and of points of them; undefined where nothing is pushed. */
  pushes: { readonly outcomes: Outcomes; readonly rejectedPoints: number } | undefined;
  /** What became of a textfile's versions; undefined where no file is written. */
  textfile: Readonly<Record<string, number>> | undefined;
  /** Called when VMs are counted together for want of series: once, with their number. */
  onOthers: (count: number) => void = () => undefined;

  /** Attaches programs, which count from here on. @throws ToolError if this machine can't be traced */
  constructor(options: ExporterOptions) {
    const { histograms, maxSeries, isa, overhead, returns, split, details } = options;
    this.#sessions = openAll(options);
    const names = new VmNames();
    this.#overhead = overhead;
    this.#fleet = new Fleet(
      {
        of: (pid, startNs, comm) => names.of(pid, startNs, comm),
        runs: ({ pid, startNs }) => runsStill(pid, startNs),
      },
      { histograms, maxSeries, returns, split, ...(details ? { details } : {}) },
      this.#start,
    );
    this.#families = new Families(this.#start, {
      histograms: histograms !== "none",
      details: details !== undefined,
    });
    this.#mapBytes = this.info().reduce((sum, { mapBytes }) => sum + mapBytes, 0);
    this.#host = [
      ["version", version()],
      ["kernel", release()],
      ["isa", isa],
      ["attach", this.#sessions.exits.info().attach],
    ];
  }

  /** How the programs attached, and what they take: of exits, and of what there is beside them. */
  info(): (SessionInfo | SplitInfo)[] {
    return this.#all().map((session) => session.info());
  }

  /** Gives everything back to the kernel; nothing else may be called after it. */
  close(): void {
    for (const session of this.#all()) session.close();
  }

  #all(): (Session | Splitter)[] {
    const { exits, returns, split } = this.#sessions;
    return [exits, ...(returns ? [returns] : []), ...(split ? [split] : [])];
  }

  #snapshots(): Snapshots {
    const { exits, returns, split } = this.#sessions;
    return {
      exits: exits.snapshot(),
      ...(returns ? { returns: returns.snapshot() } : {}),
      ...(split ? { split: split.snapshot() } : {}),
    };
  }

  /** Looks for vCPUs that ended and for new VMs. @returns after how many ms another look is due */
  look(): number {
    const changed = this.#fleet.look(this.#snapshots(), this.clock.now());
    this.#lookMs = changed ? LOOK_MS : Math.min(2 * this.#lookMs, MAX_LOOK_MS);
    return this.#lookMs;
  }

  /** All metrics. @param scraper who asks */
  families(scraper: string): Iterable<Family> {
    const snapshots = this.#snapshots();
    const { exits, returns, split } = snapshots;
    const counted = this.#fleet.read(snapshots, scraper, this.clock.now());
    if (counted.others > 0) this.onOthers(counted.others);
    const { user, system } = process.cpuUsage();
    const programs: readonly ProgramRun[] = this.#overhead ? runStatistics() : [];
    return this.#families.of({
      counted,
      lost: exits.lost,
      lostBeside: [
        ...(returns ? [["returns", lostReturns(returns.lost)] as const] : []),
        ...(split
          ? [["vcpu", { recordsFull: split.recordsFull, missedEvents: split.missedEvents }] as const]
          : []),
      ],
      start: this.#start,
      host: this.#host,
      process: { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() },
      mapBytes: this.#mapBytes,
      programs,
      pushes: this.pushes?.outcomes ?? {},
      ...(this.textfile ? { textfile: this.textfile } : {}),
      ...(this.pushes ? { rejectedPoints: this.pushes.rejectedPoints } : {}),
    });
  }

  /** All metrics as text. */
  text(format: TextFormat, scraper: string): Uint8Array {
    return exposition(this.families(scraper), format);
  }
}
