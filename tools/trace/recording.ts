// SPDX-License-Identifier: MIT
// The way of events from the kernel's rings to a recording's file, and the count of those that don't get there.
import { EVENT_MAX_WORDS, type Recorder } from "../../src/native/trace";
import { vmOfProcess } from "../../src/host/vm";
import { quoted } from "../../src/text";
import { type End, firstRecord, gapRecords, lastRecord, vmRecords } from "../../src/trace/encode";
import { END_REASON } from "../../src/trace/events";
import { diagnose } from "../lib/output";
import type { Stop } from "../lib/stop";
import type { RecordingFile } from "./recording-file";

/** How often the rings are emptied: a CPU with a million events a second fills half of its ring in 16 ms. */
const POLL_MS = 15;
/** Records are written to the file in pieces of at most 1 MiB. */
const BATCH_WORDS = 1 << 18;
/** What is said of a recording that ended before it was asked to. */
const ENDED: Readonly<Record<number, string>> = {
  [END_REASON.sizeLimit]: "; it reached --max-size",
  [END_REASON.writeFailed]: "; it ended before its time",
};

/** Most VMs that have names in a recording. */
const MAX_NAMED = 16_384;

/** How often losses are looked for, and how often they are told at most. */
const LOOK_MS = 1000;
const TELL_MS = 60_000;

/** Moves events from the rings to the file. */
export class Recording {
  readonly #batch = new Uint32Array(BATCH_WORDS);
  /** Events among the lost ones for which the kernel didn't run a program; known at the end. */
  #missed = 0;
  /** What the last record says; known at the end. */
  #end: End = { lost: 0, unwritten: 0, reason: END_REASON.asked };
  #lookedAt = { lost: 0, missed: 0 };
  #told = 0;
  #nextLook = 0;
  readonly #named = new Set<number>();
  #nextTell = 0;
  readonly #recorder: Recorder;
  readonly #file: RecordingFile;

  constructor(recorder: Recorder, file: RecordingFile, began: Date) {
    this.#recorder = recorder;
    this.#file = file;

    file.append(firstRecord(process.pid, began), 0);
  }

  /** Whether the file takes no more events. */
  get #full(): boolean {
    return this.#file.room < EVENT_MAX_WORDS;
  }

  /** Takes in what waits, also the latest if `all`; false when the file is full. */
  poll(all = false): boolean {
    while (!this.#full) {
      const room = Math.min(BATCH_WORDS, this.#file.room);
      const before = this.#recorder.events();
      const words = this.#recorder.read(this.#batch.subarray(0, room), all);
      this.#name(words);
      if (words > 0) this.#file.append(this.#batch.subarray(0, words), this.#recorder.events() - before);
      if (words <= room - EVENT_MAX_WORDS) return true;
    }
    return false;
  }

  /** Tells what VMs are called whose first events are among so many words, before these; if the file has room for both. */
  #name(words: number): void {
    for (const pid of this.#recorder.processes()) {
      if (this.#named.has(pid) || this.#named.size >= MAX_NAMED) continue;
      this.#named.add(pid);
      const { name, uuid } = vmOfProcess(pid);
      const records = vmRecords(pid, name, uuid);
      if (name !== "" && this.#file.room >= words + records.length) this.#file.append(records, 0);
    }
  }

  /** Events lost so far, and those among them for which the kernel didn't run a program. */
  get #losses(): { readonly lost: number; readonly missed: number } {
    return { missed: this.#recorder.missed(), lost: this.#recorder.lost() };
  }

  /** Whether an event has been lost. */
  get lostAnything(): boolean {
    return this.#lookedAt.lost > 0;
  }

  /**
   * Looks for losses once a second. Events for which the kernel ran no program are missing somewhere since the last look:
   * a gap says so in the file, and a recorder that is killed leaves what it knew.
   * @returns what to tell the user: the first loss at once, more at most once a minute
   */
  watchLosses(now: number): string | undefined {
    if (now < this.#nextLook) return undefined;
    this.#nextLook = now + LOOK_MS;
    const { lost, missed } = this.#losses;
    const unplaced = missed - this.#lookedAt.missed;
    this.#lookedAt = { lost, missed };
    if (unplaced > 0 && !this.#full) this.#file.append(gapRecords(unplaced), 0);
    if (lost === this.#told || now < this.#nextTell) return undefined;
    this.#told = lost;
    this.#nextTell = now + TELL_MS;
    return `Lost: ${lost} events so far`;
  }

  /** Takes in the rest unless the file is full, and writes the last record, whatever else fails. */
  finish(): void {
    // From here on the rings have no room because the file has none.
    const lostBefore = this.#full ? this.#recorder.lost() : undefined;
    this.#recorder.stop();
    try {
      this.poll(true);
    } finally {
      this.#finish(lostBefore ?? this.#recorder.lost());
    }
  }

  /** Whether something that happened isn't in the file, or may not be; known at the end. */
  get incomplete(): boolean {
    return this.#end.lost > 0 || this.#end.unwritten > 0;
  }

  /** What was recorded and what wasn't, in lines. */
  summary(tool: string, output: string): string[] {
    const { events, bytes } = this.#file;
    const { lost, unwritten, reason } = this.#end;
    const lines = [`${tool}: ${events} events, ${bytes} bytes in ${quoted(output)}${ENDED[reason] ?? ""}`];
    const full = lost - this.#missed;
    if (full > 0) lines.push(`Lost: ${full} events while the buffer was full; raise --buffer`);
    if (this.#missed > 0)
      lines.push(`Lost: ${this.#missed} events while other BPF work was under way on that CPU`);
    if (unwritten > 0) lines.push(`Lost: ${unwritten} events that did not fit in the file`);
    return lines;
  }

  #finish(lost: number): void {
    const file = this.#file;
    const recorder = this.#recorder;
    this.#missed = Math.min(recorder.missed(), lost);
    while (recorder.read(this.#batch, true) > 0);
    const taken = recorder.events() + recorder.lost() - lost;
    const full = this.#full;
    file.finish(() => {
      const reason = file.failed ? END_REASON.writeFailed : full ? END_REASON.sizeLimit : END_REASON.asked;
      this.#end = { lost, unwritten: taken - file.events, reason };
      return lastRecord(process.pid, this.#end);
    });
  }
}

/**
 * Records until `stop` stops, for so many seconds, until the file is full, or, if `endAtLoss`, until an event is lost.
 */
export async function pump(
  recording: Recording,
  stop: Stop,
  duration: number | undefined,
  endAtLoss: boolean,
): Promise<void> {
  const endAt = duration === undefined ? Infinity : performance.now() + duration * 1000;
  while (!stop.stopped && performance.now() < endAt && recording.poll()) {
    const losses = recording.watchLosses(performance.now());
    if (losses !== undefined) diagnose(losses);
    if (endAtLoss && recording.lostAnything) return;
    await stop.wait(Math.min(POLL_MS, endAt - performance.now()));
  }
}
