// SPDX-License-Identifier: MIT
// kvm-stat's log: a line of counts in each interval, on standard output or in a file that logrotate may move away or empty.
import { csvLog, plainLog, type LogFormat } from "../../src/stat/format";
import { timeStamp } from "../../src/local-time";
import { byCodePoint } from "../../src/measure/order";
import { labelOf, type Counts } from "../../src/stat/keys";
import type { StatOptions } from "../../src/stat/options";
import type { Statistics } from "../../src/stat/statistics";
import type { Hangups } from "../lib/hangups";
import { diagnose, outputPending, print } from "../lib/output";
import type { Stop } from "../lib/stop";
import { LogFile } from "./log-file";
import type { LossReport } from "../lib/losses";

const BANNER_LINES = 20;
/** The column of an interval's length: counted like a key, and the last one. */
const DURATION = "duration_ns";

/** A log between its counts and its lines. */
class Log {
  readonly #format: LogFormat;
  readonly #file: LogFile | undefined;
  readonly #options: StatOptions;
  readonly #impossible: ReadonlySet<string>;
  #keys: string[] = [];
  /** Keys without a column, as standard error has it already. */
  readonly #told = new Set<string>();
  #lines = 0;
  /** Whether the last line is the banner. */
  #isFresh = false;

  /** @param impossible keys that a plain log leaves out until they count something */
  constructor(options: StatOptions, counts: Counts, impossible: ReadonlySet<string>) {
    this.#options = options;
    this.#impossible = impossible;
    this.#format = options.csv ? csvLog : plainLog;
    this.#file = options.logToFile === "" ? undefined : new LogFile(options.logToFile);
    this.#begin(counts);
  }

  #write(line: string): void {
    if (this.#file) this.#file.write(line);
    else print([line]);
  }

  #banner(): void {
    this.#write(this.#format.banner(this.#keys));
    this.#isFresh = true;
  }

  /** The keys that have a column. CSV has kvm_stat's and more; a plain log's lines are long enough without the impossible. */
  #columnsOf(counts: Counts): string[] {
    return Array.from(counts)
      .filter(([key, { value }]) => this.#options.csv || value !== 0 || !this.#impossible.has(key))
      .map(([key]) => key);
  }

  /** Begins a file, or goes on with one: a CSV file has its columns from its own first line. */
  #begin(counts: Counts): void {
    this.#keys = this.#columnsOf(counts).sort(byCodePoint);
    if (this.#options.durationNs) this.#keys.push(DURATION);
    this.#lines = 0;
    this.#told.clear();
    const header = this.#file?.begin();
    if (!header || !this.#options.csv) this.#banner();
    else {
      this.#isFresh = true;
      const byLabel = new Map(this.#keys.map((key) => [labelOf(key), key]));
      const [first, ...labels] = header.split(",");
      if (first !== "timestamp") return;
      this.#keys = labels.map((label) => byLabel.get(label) ?? label);
      if (this.#options.durationNs && !this.#keys.includes(DURATION)) this.#tellMissing(DURATION);
    }
  }

  /** Whether the lines before are written, so that there is room for another. */
  get isReady(): boolean {
    return this.#file ? this.#file.catchUp() : !outputPending();
  }

  /** Waits until all lines are written, to a file. @throws ToolError if they can't be */
  async written(): Promise<void> {
    await this.#file?.written();
  }

  reopen(counts: Counts): void {
    this.#file?.reopen();
    this.#begin(counts);
  }

  /** A key that appeared: a new banner in a plain log; the columns of CSV stay, and what they miss is told. */
  #meet(counts: Counts): void {
    const known = new Set(this.#keys);
    const fresh = this.#columnsOf(counts).filter((key) => !known.has(key));
    if (fresh.length === 0) return;
    if (!this.#options.csv) {
      this.#keys = [...this.#keys, ...fresh].sort(byCodePoint);
      this.#isFresh = false;
      this.#lines = 0;
      return;
    }
    for (const key of fresh.filter((name) => counts.get(name)?.value !== 0 && !this.#told.has(name))) {
      this.#tellMissing(key);
      this.#told.add(key);
    }
  }

  #tellMissing(key: string): void {
    diagnose(`kvm-stat: ${labelOf(key)} has no column in this CSV; it will have one in the next file`);
  }

  /** @param durationNs since the line before, on a clock that is never set */
  add(counts: Counts, time: Date, durationNs: number): void {
    // logrotate's copytruncate has emptied it.
    if (this.#file?.isEmpty) this.#begin(counts);
    this.#meet(counts);
    const headsOnce = this.#options.csv && this.#file;
    if (this.#lines % BANNER_LINES === 0 && !this.#isFresh && !headsOnce) this.#banner();
    if (this.#options.skipZeroRecords && !this.#keys.some((key) => (counts.get(key)?.delta ?? 0) !== 0))
      return;
    const columns = this.#options.durationNs
      ? new Map([...counts, [DURATION, { value: durationNs, delta: durationNs }]])
      : counts;
    const line = this.#format.line(this.#keys, columns, timeStamp(time, this.#options.utcOffset));
    this.#write(line);
    if (this.#file?.emptyIfOnly(line)) {
      this.add(counts, time, durationNs);
      return;
    }
    this.#lines++;
    this.#isFresh = false;
  }
}

/** Logs until it is stopped, the interval that is then under way too; hangups open the log's file again. */
export async function logStatistics(
  statistics: Statistics,
  options: StatOptions,
  stop: Stop,
  hangups: Hangups | undefined,
  losses: LossReport,
): Promise<void> {
  let last = statistics.read();
  let read = performance.now();
  const log = new Log(options, last, statistics.impossible);
  let failure: Error | undefined;
  if (hangups)
    hangups.reopen = () => {
      try {
        log.reopen(last);
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        stop.stop();
      }
    };
  const delay = options.setDelay * 1000;
  for (let next = performance.now() + delay; ; next += delay) {
    await stop.wait(next - performance.now());
    if (failure) throw failure;
    if (stop.stopped || log.isReady) {
      const before = read;
      last = statistics.read();
      read = performance.now();
      log.add(last, new Date(), Math.round((read - before) * 1e6));
      losses.tell(read);
    }
    if (stop.stopped) {
      await log.written();
      return;
    }
    // After a pause, or while the lines before aren't read, one line covers the intervals that were missed.
    next += Math.max(0, Math.floor((performance.now() - next) / delay)) * delay;
  }
}
