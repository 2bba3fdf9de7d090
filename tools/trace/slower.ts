// SPDX-License-Identifier: MIT
// kvm-trace report --slower: a recording's slow exits, as kvm-vmexit-slower prints them.
import { UsageError } from "../../src/errors";
import { SLOW_CSV_HEADING, slowCsv, slowLine } from "../../src/render/slow";
import { slowEndJson, slowJson } from "../../src/render/json";
import type { Unit } from "../../src/render/units";
import { slowExitOf } from "../../src/trace/slow-exit";
import type { Summary } from "../../src/trace/summary";
import type { Turn } from "../../src/trace/turns";
import { aboutRecording } from "../lib/about";
import type { FilterOptions } from "../lib/options";
import { outputWritten, print, queueOutput } from "../lib/output";

export interface SlowerOptions extends FilterOptions {
  /** In milliseconds. */
  ms: number;
  unit: Unit;
  wide: boolean;
  timestamp: boolean;
  json: boolean;
  csv: boolean;
  utcOffset: boolean;
  header: boolean;
}

/** Prints turns that take a threshold and longer; lines wait for flush(). */
export class SlowPrinter {
  readonly #tool: string;
  readonly #options: SlowerOptions;
  #lines: string[] = [];

  constructor(tool: string, options: SlowerOptions) {
    this.#tool = tool;
    this.#options = options;
    queueOutput();
    if (options.csv && options.header) this.#lines.push(SLOW_CSV_HEADING);
  }

  /** Takes a turn; one without an entry has no time. */
  add(turn: Turn, nsPerTick: number, summary: Summary): void {
    if (turn.ended === undefined) return;
    const ns = Math.round((turn.ended - turn.exited) * nsPerTick);
    const { ms, unit, wide, timestamp: timeOfDay, json, csv } = this.#options;
    if (ns < ms * 1e6) return;
    const exit = slowExitOf(turn, ns, summary.dateAt(turn.ended, nsPerTick));
    if (json) this.#lines.push(slowJson(this.#tool, exit));
    else if (csv) this.#lines.push(slowCsv(exit, this.#options.utcOffset));
    else {
      if (timeOfDay && summary.startMs === 0)
        throw new UsageError("the recording doesn't tell when it began; leave -T out");
      this.#lines.push(slowLine(exit, { unit, wide, timeOfDay }));
    }
  }

  /** The last line of JSON describes the whole. */
  end(summary: Summary, nsPerTick: number): void {
    if (!this.#options.json) return;
    const about = aboutRecording(this.#tool, this.#options, { thresholdNs: this.#options.ms * 1e6 });
    this.#lines.push(slowEndJson(about, summary.interval(nsPerTick), summary.health));
  }

  /** Prints what waits, and waits until it is written. */
  async flush(): Promise<void> {
    print(this.#lines);
    this.#lines = [];
    await outputWritten();
  }
}
