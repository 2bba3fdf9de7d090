// SPDX-License-Identifier: MIT
// An exporter's heart: a reading for each scrape, and looks in between that give back what ended vCPUs took.
import { release } from "node:os";
import { type Family, type Label } from "../../src/export/family";
import { Families } from "../../src/export/families";
import { Fleet, type Histograms } from "../../src/export/fleet";
import type { Outcomes } from "../../src/export/push";
import { type TextFormat, exposition } from "../../src/export/text";
import { VmNames, runsStill } from "../../src/host/vm";
import { type ProgramRun, runStatistics } from "../../src/native/overhead";
import { type AttachMode, type Session, type SessionInfo, openSession } from "../../src/native/vmexit";
import { version } from "../lib/version";

/** How an exporter is set up. */
export interface ExporterOptions {
  readonly attach: AttachMode;
  readonly maxVcpus: number;
  readonly histograms: Histograms;
  readonly maxSeries: number;
  readonly isa: string;
  /** Whether the kernel keeps statistics of the programs. */
  readonly overhead: boolean;
}

// Accounts of vCPUs that ended are given back, and names of VMs read, so often while VMs come and go.
const LOOK_MS = 1000;
// While nothing changes looks become rarer: a thousand vCPUs that end within so long fit.
const MAX_LOOK_MS = 16_000;

/** Reads a session for scrapers. */
export class Exporter {
  readonly #session: Session;
  readonly #fleet: Fleet;
  readonly #families: Families;
  readonly #overhead: boolean;
  readonly #start = Date.now();
  readonly #mapBytes: number;
  readonly #host: readonly Label[];
  #lookMs = LOOK_MS;
  /** What became of pushes, and of points of them; undefined where nothing is pushed. */
  pushes: { readonly outcomes: Outcomes; readonly rejectedPoints: number } | undefined;
  /** Called when VMs are counted together for want of series: once, with their number. */
  onOthers: (count: number) => void = () => undefined;

  /** Attaches programs, which count from here on. @throws ToolError if this machine can't be traced */
  constructor(options: ExporterOptions) {
    const { histograms, maxSeries, isa, overhead, attach: wanted, maxVcpus } = options;
    const session = openSession({
      attach: wanted,
      maxVcpus,
      timing: true,
      histograms: histograms !== "none",
      details: false,
    });
    const names = new VmNames();
    this.#session = session;
    this.#overhead = overhead;
    this.#fleet = new Fleet(
      {
        of: (pid, startNs, comm) => names.of(pid, startNs, comm),
        runs: ({ pid, startNs }) => runsStill(pid, startNs),
      },
      { histograms, maxSeries },
      this.#start,
    );
    this.#families = new Families(this.#start, histograms !== "none");
    const { attach, mapBytes } = session.info();
    this.#mapBytes = mapBytes;
    this.#host = [
      ["version", version()],
      ["kernel", release()],
      ["isa", isa],
      ["attach", attach],
    ];
  }

  /** How the programs attached, and what they take. */
  info(): SessionInfo {
    return this.#session.info();
  }

  /** Gives everything back to the kernel; nothing else may be called after it. */
  close(): void {
    this.#session.close();
  }

  /** Looks for vCPUs that ended and for new VMs. @returns after how many ms another look is due */
  look(): number {
    const changed = this.#fleet.look(this.#session.snapshot(), Date.now());
    this.#lookMs = changed ? LOOK_MS : Math.min(2 * this.#lookMs, MAX_LOOK_MS);
    return this.#lookMs;
  }

  /** All metrics. @param scraper who asks */
  families(scraper: string): Family[] {
    const snapshot = this.#session.snapshot();
    const counted = this.#fleet.read(snapshot, scraper, Date.now());
    if (counted.others > 0) this.onOthers(counted.others);
    const { user, system } = process.cpuUsage();
    const programs: readonly ProgramRun[] = this.#overhead ? runStatistics() : [];
    return this.#families.of({
      counted,
      lost: snapshot.lost,
      start: this.#start,
      host: this.#host,
      process: { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() },
      mapBytes: this.#mapBytes,
      programs,
      pushes: this.pushes?.outcomes ?? {},
      ...(this.pushes ? { rejectedPoints: this.pushes.rejectedPoints } : {}),
    });
  }

  /** All metrics as text. */
  text(format: TextFormat, scraper: string): string {
    return exposition(this.families(scraper), format);
  }
}
