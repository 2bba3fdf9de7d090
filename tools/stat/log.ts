// kvm-stat's log: a line of counts in each interval, on standard output or in a file that logrotate may move away.
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { ToolError, messageOf } from "../../src/errors";
import { safeText } from "../../src/text";
import { csvLog, plainLog, type LogFormat } from "../../src/stat/format";
import { byCodePoint } from "../../src/measure/order";
import { labelOf, type Counts } from "../../src/stat/keys";
import { Refusal, type StatOptions } from "../../src/stat/options";
import type { Statistics } from "../../src/stat/statistics";
import type { Hangups } from "../lib/hangups";
import { diagnose, outputPending, print, queueOutput } from "../lib/output";
import type { Stop } from "../lib/stop";

const BANNER_LINES = 20;
// The names of all fields take some 10 KiB.
const MAX_HEADER = 2 ** 20;

/** Where the lines go. Each is written at once and whole, so nothing is lost when the process ends. */
class LogFile {
  #descriptor: number;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;

    this.#descriptor = this.#open();
  }

  #open(): number {
    try {
      return openSync(this.#path, "a");
    } catch {
      throw new Refusal(`Error: Could not open file: ${safeText(this.#path)}`);
    }
  }

  /** Undefined where it may be appended to only. */
  #openToRead(): number | undefined {
    try {
      return openSync(this.#path, "r");
    } catch {
      return undefined;
    }
  }

  reopen(): void {
    closeSync(this.#descriptor);
    this.#descriptor = this.#open();
  }

  /** The file's first line, "" if it is empty. A last line that was cut off, by a full disk, is ended. */
  begin(): string {
    const { size } = fstatSync(this.#descriptor);
    const file = size === 0 ? undefined : this.#openToRead();
    if (file === undefined) return "";
    try {
      const at = (position: number, length: number): string => {
        const bytes = Buffer.alloc(length);
        return bytes.toString("utf8", 0, readSync(file, bytes, 0, length, position));
      };
      if (at(size - 1, 1) !== "\n") this.write("");
      return at(0, Math.min(size, MAX_HEADER)).split("\n", 1)[0] ?? "";
    } finally {
      closeSync(file);
    }
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.#descriptor, bytes, written);
    } catch (error) {
      throw new ToolError(
        `cannot write to ${this.#path}: ${messageOf(error)}; free some space or log elsewhere`,
      );
    }
  }
}

/** A log between its counts and its lines. */
class Log {
  readonly #format: LogFormat;
  readonly #file: LogFile | undefined;
  #keys: string[] = [];
  readonly #told = new Set<string>();
  #lines = 0;
  #bannerStands = false;
  readonly #options: StatOptions;

  constructor(options: StatOptions, counts: Counts) {
    this.#options = options;

    this.#format = options.csv ? csvLog : plainLog;
    this.#file = options.logToFile === "" ? undefined : new LogFile(options.logToFile);
    this.#begin(counts.keys());
  }

  #write(line: string): void {
    if (this.#file) this.#file.write(line);
    else print([line]);
  }

  #banner(): void {
    this.#write(this.#format.banner(this.#keys));
    this.#bannerStands = true;
  }

  /** Begins a file, or goes on with one: a CSV file has its columns from its own first line. */
  #begin(keys: Iterable<string>): void {
    this.#keys = Array.from(keys).sort(byCodePoint);
    this.#lines = 0;
    const header = this.#file?.begin();
    if (!header || !this.#options.csv) this.#banner();
    else {
      this.#bannerStands = true;
      const byLabel = new Map(this.#keys.map((key) => [labelOf(key), key]));
      const [first, ...labels] = header.split(",");
      if (first === "timestamp") this.#keys = labels.map((label) => byLabel.get(label) ?? label);
    }
  }

  reopen(counts: Counts): void {
    this.#file?.reopen();
    this.#told.clear();
    this.#begin(counts.keys());
  }

  /** A key that appeared: a new banner in a plain log; the columns of CSV stay, and what they miss is told. */
  #meet(counts: Counts): void {
    const known = new Set(this.#keys);
    const fresh = Array.from(counts.keys()).filter((key) => !known.has(key));
    if (fresh.length === 0) return;
    if (!this.#options.csv) {
      this.#keys = [...this.#keys, ...fresh].sort(byCodePoint);
      this.#bannerStands = false;
      this.#lines = 0;
      return;
    }
    for (const key of fresh.filter((name) => counts.get(name)?.value !== 0 && !this.#told.has(name))) {
      diagnose(`kvm-stat: ${labelOf(key)} has no column in this CSV; it will have one in the next file`);
      this.#told.add(key);
    }
  }

  add(counts: Counts, time: Date): void {
    this.#meet(counts);
    const headsOnce = this.#options.csv && this.#file;
    if (this.#lines % BANNER_LINES === 0 && !this.#bannerStands && !headsOnce) this.#banner();
    if (this.#options.skipZeroRecords && !this.#keys.some((key) => (counts.get(key)?.delta ?? 0) !== 0))
      return;
    this.#write(this.#format.line(this.#keys, counts, time));
    this.#lines++;
    this.#bannerStands = false;
  }
}

/** Logs until it is stopped, the interval that is then under way too; hangups open the log's file again. */
export async function logStatistics(
  statistics: Statistics,
  options: StatOptions,
  stop: Stop,
  hangups: Hangups | undefined,
): Promise<void> {
  let last = statistics.read();
  const log = new Log(options, last);
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
  queueOutput();
  const delay = options.setDelay * 1000;
  for (let next = performance.now() + delay; ; next += delay) {
    await stop.wait(next - performance.now());
    if (failure) throw failure;
    if (stop.stopped || !outputPending()) {
      last = statistics.read();
      log.add(last, new Date());
    }
    if (stop.stopped) return;
    // After a pause, or while nobody reads the lines before, one line covers the intervals that were missed.
    next += Math.max(0, Math.floor((performance.now() - next) / delay)) * delay;
  }
}
