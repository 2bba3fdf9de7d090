// SPDX-License-Identifier: MIT
// What recordings say about themselves: their clock, when they began, how long they are, what was lost.
import type { Lost } from "../native/vmexit";
import { NOTHING_LOST } from "../measure/lost";
import type { Time } from "../measure/time";
import { END_REASON } from "./events";
import type { TraceRecord } from "./reader";

/** The end of the year 9999: what a damaged recording says beyond it is no date. */
const LAST_MS = 253_402_300_799_999;

/** Words of the records that a recording of ours begins and ends with; see encode.ts. */
const RECORDING_WORDS = { ticksPerUs: 1, msLow: 2, msHigh: 3 } as const;
const GAP_END_WORDS = { lostLow: 1, lostHigh: 2 } as const;
const END_WORDS = { lostLow: 0, lostHigh: 1, unwrittenLow: 2, unwrittenHigh: 3, reason: 4 } as const;

/** Events that did not fit in a file, by why. */
export interface Unwritten {
  /** It had the size that it was to have. */
  readonly sizeLimit: number;
  /** It could not be written any more. */
  readonly writeFailed: number;
}

/** Adds up what all recordings that are read together say. */
export class Summary {
  /** Ticks per microsecond, 0 if no recording tells. */
  ticksPerUs = 0;
  /** When the first one began, in ms since 1970; 0 if none tells. */
  startMs = 0;
  /** Ticks from the first time stamp to the last. */
  ticks = 0;
  /** Exits that are counted together, since there were too many threads or reasons. */
  others = 0;
  #begun = 0;
  #inGaps = 0;
  #damaged = false;
  #ended = 0;
  #losses = 0;
  #left: Unwritten = { sizeLimit: 0, writeFailed: 0 };
  #first: { high: number; low: number } | undefined;

  /** Whether `kvm-trace record` wrote any of them. */
  get ours(): boolean {
    return this.#begun > 0;
  }

  /** Whether each recording says what it lost. */
  get #told(): boolean {
    return this.ours && this.#ended >= this.#begun && !this.#damaged;
  }

  /** Events that the kernel's rings had no room for; undefined if a recording has no end or is damaged: then it is unknown. */
  get lost(): number | undefined {
    return this.#told ? this.#losses : undefined;
  }

  /** Events that are missing in the gaps of the recordings, as far as these tell. */
  get inGaps(): number {
    return this.#inGaps;
  }

  /** Whether a part of a recording couldn't be read. */
  get damaged(): boolean {
    return this.#damaged;
  }

  /** Events that a file had no room for; undefined if it is unknown. */
  get unwritten(): Unwritten | undefined {
    return this.#told ? this.#left : undefined;
  }

  /** Takes the first record of a recording of ours. */
  begin(record: TraceRecord): void {
    this.#begun++;
    this.ticksPerUs = record.word(RECORDING_WORDS.ticksPerUs);
    const ms = record.word(RECORDING_WORDS.msLow) + record.word(RECORDING_WORDS.msHigh) * 2 ** 32;
    if (ms <= LAST_MS) this.startMs = this.startMs === 0 ? ms : Math.min(this.startMs, ms);
  }

  /** Takes the record at a gap's end. */
  gap(record: TraceRecord): void {
    this.#inGaps += record.word(GAP_END_WORDS.lostLow) + record.word(GAP_END_WORDS.lostHigh) * 2 ** 32;
  }

  /** Takes notice that a part can't be read: what was lost there is unknown. */
  damage(): void {
    this.#damaged = true;
  }

  /** Takes the last one. */
  end(record: TraceRecord): void {
    this.#ended++;
    this.#losses += record.word(END_WORDS.lostLow) + record.word(END_WORDS.lostHigh) * 2 ** 32;
    const left = record.word(END_WORDS.unwrittenLow) + record.word(END_WORDS.unwrittenHigh) * 2 ** 32;
    const { sizeLimit, writeFailed } = this.#left;
    if (record.word(END_WORDS.reason) === END_REASON.sizeLimit)
      this.#left = { sizeLimit: sizeLimit + left, writeFailed };
    else this.#left = { sizeLimit, writeFailed: writeFailed + left };
  }

  /** Ticks since the first time stamp; a record without one is of the moment before it. */
  time(record: TraceRecord): number {
    if (!record.timed) return this.ticks;
    this.#first ??= { high: record.timeHigh, low: record.timeLow };
    const ticks = (record.timeHigh - this.#first.high) * 2 ** 32 + (record.timeLow - this.#first.low);
    this.ticks = Math.max(this.ticks, ticks);
    return ticks;
  }

  /** The wall clock's time so many ticks after the first time stamp; from 1970 on, where it isn't known. */
  dateAt(ticks: number, nsPerTick: number): Date {
    return new Date(Math.min(Math.max(this.startMs + (ticks * nsPerTick) / 1e6, 0), LAST_MS));
  }

  /** The whole time of the recordings. */
  interval(nsPerTick: number): Time {
    const [start, end] = [this.dateAt(0, nsPerTick), this.dateAt(this.ticks, nsPerTick)];
    return { start, end, durationNs: Math.round(this.ticks * nsPerTick), final: true };
  }

  /** What was lost as the live tools tell it, and what did not fit in the file; undefined if it is unknown. */
  get health(): (Lost & { readonly eventsUnwritten: number }) | undefined {
    if (!this.#told) return undefined;
    const { sizeLimit, writeFailed } = this.#left;
    return { ...NOTHING_LOST, eventsDropped: this.#losses, eventsUnwritten: sizeLimit + writeFailed };
  }
}
