// SPDX-License-Identifier: MIT
// Reads kvmtrace's binary records out of chunks of bytes, in constant memory and whatever the bytes are.
import { UsageError } from "../errors";
import { EVENT, TICKS_PER_US, UNKNOWN_VCPU, VERSION, hasWords } from "./events";
import { EVENT_MASK, HEADER_WORDS, MAGIC, PID_LIMIT, TIME_WORDS, VCPU_LIMIT, type ByteOrder } from "./layout";

const NO_WORDS = new Uint32Array(0);

/**
 * One record: a window into the reader's words. The reader moves it: copy what has to outlive the next call of next().
 */
export class TraceRecord {
  /** Whether the record has a time stamp. */
  timed = false;
  /** Number of data words. */
  count = 0;
  #words: Uint32Array = NO_WORDS;
  #start = 0;
  /** Where the data words begin. */
  #data = 0;

  /** Which of the time stamp's words is the low half: 0, or 1 in big-endian recordings. */
  lowAt = 0;

  /** Moves the window. */
  set(words: Uint32Array, at: number, timed: boolean, count: number): void {
    this.#words = words;
    this.#start = at;
    this.timed = timed;
    this.count = count;
    this.#data = at + HEADER_WORDS + (timed ? TIME_WORDS : 0);
  }

  get event(): number {
    return (this.#words[this.#start] ?? 0) & EVENT_MASK;
  }

  get pid(): number {
    return this.#words[this.#start + 1] ?? 0;
  }

  get vcpu(): number {
    return this.#words[this.#start + 2] ?? 0;
  }

  /** The time stamp's low half, 0 where the record has none. */
  get timeLow(): number {
    return this.timed ? (this.#words[this.#start + HEADER_WORDS + this.lowAt] ?? 0) : 0;
  }

  /** The time stamp's high half, 0 where the record has none. */
  get timeHigh(): number {
    return this.timed ? (this.#words[this.#start + HEADER_WORDS + 1 - this.lowAt] ?? 0) : 0;
  }

  /** A data word, from 0; those beyond `count` are 0. */
  word(index: number): number {
    return index < this.count ? (this.#words[this.#data + index] ?? 0) : 0;
  }

  /**
   * A number by its place: 0 event, 1 process, 2 vCPU, 3 and on the data words. As a signed integer, which no call has
   * to allocate.
   */
  at(place: number): number {
    if (place >= HEADER_WORDS) return this.word(place - HEADER_WORDS) | 0;
    const word = this.#words[this.#start + place] ?? 0;
    return (place === 0 ? word & EVENT_MASK : word) | 0;
  }
}

export interface ReaderOptions {
  /** What messages call the recording. */
  name: string;
  /** Whether an event id is expected; any other makes a record that no machine could have written an error. */
  knows: (event: number) => boolean;
  /** The byte order of a recording without a magic; otherwise the first record tells. */
  byteOrder?: ByteOrder | undefined;
  /** Gives out a record though the next one, which would show that it is whole, may take long to come. */
  eager?: boolean;
  /** Is told of bytes of a recording of ours that are no records, before the record after them is given out. */
  onDamage?: ((damage: Damage) => void) | undefined;
}

/** Bytes of a recording of ours that are no records. */
export interface Damage {
  readonly offset: number;
  readonly bytes: number;
  /** Whether no record follows. */
  readonly last: boolean;
}

/** Where a recording's last record was cut off. */
export interface Cut {
  offset: number;
  bytes: number;
}

function swapped(word: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(word);
  return bytes.readUInt32LE();
}

/** Categories of events: handlers, entries and exits, and ours; see kinds.ts. */
const CATEGORIES = [1, 2, 4];

/** Whether a recording may begin with these bytes: a header after the magic, or the first one, in either byte order. */
export function beginsRecording(bytes: Uint8Array): boolean {
  const words = Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32LE(4 * at),
  );
  return [words, words.map(swapped)].some((read) => {
    const [event = 0, pid = PID_LIMIT + 1, vcpu = 0] = read[0] === MAGIC ? read.slice(1) : read;
    if (read[0] === MAGIC && read.length < 1 + HEADER_WORDS) return true;
    return (
      CATEGORIES.includes((event & EVENT_MASK) >>> 16) &&
      pid <= PID_LIMIT &&
      (vcpu <= VCPU_LIMIT || vcpu === UNKNOWN_VCPU)
    );
  });
}

/** The first record of a recording of ours: 4 data words and no time stamp. */
const BEGIN_WORDS = HEADER_WORDS + 4;
const BEGIN_HEAD = EVENT.recording | (4 << 28);

/** Whether a record begins a recording of ours whose records this program knows. */
function isOurs(record: TraceRecord): boolean {
  const version = record.word(0);
  return record.count === 4 && version >= 1 && version <= VERSION && record.word(1) > 0;
}

/** The length in words of a record of ours with this header; 0 if there can be none. */
function lengthOf(head: number, pid: number, vcpu: number): number {
  const count = (head >>> 28) & 7;
  const timed = head >>> 31;
  if (pid > PID_LIMIT || (vcpu > VCPU_LIMIT && vcpu !== UNKNOWN_VCPU)) return 0;
  if (!hasWords(head & EVENT_MASK, count, timed === 1)) return 0;
  return HEADER_WORDS + TIME_WORDS * timed + count;
}

/**
 * A pull reader: feed() chunks, then call next() until it says false; after the last chunk call end() and next()
 * until it says false again.
 */
export class RecordReader {
  readonly record = new TraceRecord();
  /** Where the words and the rest are. */
  #bytes = Buffer.from(new ArrayBuffer(0));
  #words: Uint32Array = NO_WORDS;
  #at = 0;
  /** Offset in the recording of the first word, in bytes. */
  #base = 0;
  /** The bytes after the last whole word, fewer than four. */
  #rest: Uint8Array = new Uint8Array(0);
  #big = false;
  #begun = false;
  #ended = false;
  /** Whether `kvm-trace record` wrote what is read: the records that there are, and their lengths, are known then. */
  #ours = false;
  /** Whether it has begun and isn't ours: the quick case. */
  #plain = false;
  /** Length in words of the record at #at, where it is known already; of ours only. */
  #length = 0;
  /** Where bytes began that are no records, while a record is searched. */
  #damagedAt: number | undefined;
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Takes the next bytes of the recording, and keeps none of the memory they are in. */
  feed(chunk: Uint8Array): void {
    // Words that wait are in this machine's order, which is little-endian on every one that this package runs on.
    const from = 4 * this.#at;
    const swapped = 4 * (this.#words.length - this.#at);
    const left = swapped + this.#rest.length;
    const length = left + chunk.length;
    // The same memory for one chunk after another: each page of another would cost a fault.
    if (length > this.#bytes.length) {
      const small = this.#bytes;
      this.#bytes = Buffer.from(new ArrayBuffer((length + 3) & ~3));
      small.copy(this.#bytes, 0, from, from + left);
    } else this.#bytes.copyWithin(0, from, from + left);
    this.#bytes.set(chunk, left);
    const whole = length & ~3;
    if (this.#big) this.#bytes.subarray(swapped, whole).swap32();
    this.#base += from;
    this.#words = new Uint32Array(this.#bytes.buffer, 0, whole / 4);
    this.#rest = this.#bytes.subarray(whole, length);
    this.#at = 0;
  }

  /** Says that no more bytes follow. */
  end(): void {
    this.#ended = true;
  }

  /** The offset in the recording of the byte after the last record read. */
  get offset(): number {
    return this.#base + 4 * this.#at;
  }

  /** What is left of a record that the recording's end cut off; only after next() said false for good. */
  get cut(): Cut | undefined {
    const bytes = 4 * (this.#words.length - this.#at) + this.#rest.length;
    return bytes > 0 ? { offset: this.offset, bytes } : undefined;
  }

  /**
   * Reads one record into `record`. False: none is complete in the bytes fed so far.
   * @throws UsageError with the byte offset, at bytes that are no record
   */
  next(): boolean {
    if (!this.#plain) {
      if (!this.#begun && !this.#begin()) return false;
      if (this.#ours) return this.#nextOfOurs();
    }
    const words = this.#words;
    const at = this.#at;
    const record = this.record;
    const left = words.length - at;
    if (left < HEADER_WORDS) return false;
    const head = words[at] ?? 0;
    if ((words[at + 1] ?? 0) > PID_LIMIT) this.#checkHeader(at);
    const count = (head >>> 28) & 7;
    const timed = head >>> 31 === 1;
    const length = HEADER_WORDS + (timed ? TIME_WORDS : 0) + count;
    if (left < length) return false;
    record.set(words, at, timed, count);
    this.#at = at + length;
    if (head << 4 === BEGIN_HEAD << 4 && isOurs(record)) {
      this.#ours = true;
      this.#plain = false;
    }
    return true;
  }

  /**
   * Reads a record of a recording of ours. It is taken only if another one, or nothing, follows where it ends: a cut shows
   * in the record after it.
   */
  #nextOfOurs(): boolean {
    for (;;) {
      const words = this.#words;
      const at = this.#at;
      const left = words.length - at;
      if (left < HEADER_WORDS) return this.#ended && this.#endDamage();
      const length = this.#length || this.#lengthAt(at);
      if (length > left && !this.#ended) return false;
      if (length > 0 && length <= left) {
        const after = left - length;
        const follows = after < HEADER_WORDS ? 0 : this.#lengthAt(at + length);
        if ((follows > 0 || after < HEADER_WORDS) && !this.#swallows(at, length)) {
          if (follows === 0 && !this.#ended && this.#options.eager !== true) return false;
          this.#take(at, length, follows);
          return true;
        }
      } else if (length > left && this.#damagedAt === undefined) return false;
      this.#length = 0;
      this.#damagedAt ??= this.offset;
      if (!this.#search()) return this.#ended && this.#endDamage();
    }
  }

  /**
   * Whether a record's words after its header are the first record of another recording: of a record as long as the two
   * that was cut there, the end is where a record begins.
   */
  #swallows(at: number, length: number): boolean {
    const words = this.#words;
    const inner = at + HEADER_WORDS;
    if (length !== HEADER_WORDS + BEGIN_WORDS || words[inner] !== BEGIN_HEAD) return false;
    const version = words[inner + HEADER_WORDS] ?? 0;
    return version >= 1 && version <= VERSION && words[inner + HEADER_WORDS + 1] === TICKS_PER_US;
  }

  #take(at: number, length: number, follows: number): void {
    if (this.#damagedAt !== undefined) this.#tellDamage(this.#damagedAt, this.offset, false);
    const head = this.#words[at] ?? 0;
    this.record.set(this.#words, at, head >>> 31 === 1, (head >>> 28) & 7);
    this.#at = at + length;
    this.#length = follows;
  }

  #tellDamage(offset: number, end: number, last: boolean): void {
    this.#damagedAt = undefined;
    this.#options.onDamage?.({ offset, bytes: end - offset, last });
  }

  /** Reports damage up to the recording's end. */
  #endDamage(): boolean {
    const end = this.#base + 4 * this.#words.length + this.#rest.length;
    if (this.#damagedAt !== undefined) {
      this.#tellDamage(this.#damagedAt, end, true);
      this.#at = this.#words.length;
      this.#rest = new Uint8Array(0);
    }
    return false;
  }

  /** The length of the record of ours that begins there, in words; 0 if none does. */
  #lengthAt(at: number): number {
    const words = this.#words;
    return lengthOf(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0);
  }

  /** Moves on to the next byte at which a record of ours may begin; false if there is none in the bytes at hand. */
  #search(): boolean {
    const bytes = this.#bytes;
    const end = 4 * this.#words.length + this.#rest.length;
    // Words of the other byte order were swapped: a record is found at their places only.
    const step = this.#big ? 4 : 1;
    let at = 4 * this.#at + step;
    for (; at + 4 * HEADER_WORDS <= end; at += step) {
      // The event's category: one of three bits.
      const category = bytes[at + 2] ?? 0;
      if (category === 0 || category > 4) continue;
      if (lengthOf(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)) > 0) break;
    }
    const found = at + 4 * HEADER_WORDS <= end;
    if (at > end) at = end;
    bytes.copyWithin(0, at, end);
    const whole = (end - at) & ~3;
    this.#base += at;
    this.#words = new Uint32Array(bytes.buffer, 0, whole / 4);
    this.#rest = bytes.subarray(whole, end - at);
    this.#at = 0;
    return found;
  }

  /** Finds the byte order and steps over the magic; false while too few bytes are there to tell. */
  #begin(): boolean {
    if (this.#words.length < 1 + HEADER_WORDS && !this.#ended) return false;
    this.#begun = this.#plain = true;
    const first = this.#words[0] ?? 0;
    if (first === MAGIC || swapped(first) === MAGIC) {
      this.#big = first !== MAGIC;
      this.#at = 1;
    } else if (this.#options.byteOrder) this.#big = this.#options.byteOrder === "big";
    else this.#big = !this.#plausible((word) => word) && this.#plausible(swapped);
    this.record.lowAt = this.#big ? 1 : 0;
    if (this.#big) Buffer.from(this.#words.buffer, this.#words.byteOffset, 4 * this.#words.length).swap32();
    return true;
  }

  /** Whether the first header is one of a known event on a real machine, in a byte order. */
  #plausible(read: (word: number) => number): boolean {
    const [event = 0, pid = 0, vcpu = 0] = Array.from(this.#words.subarray(0, HEADER_WORDS), read);
    return this.#options.knows(event & EVENT_MASK) && pid <= PID_LIMIT && vcpu <= VCPU_LIMIT;
  }

  /** @throws UsageError if a header is one of an unknown event that no machine could have written */
  #checkHeader(at: number): void {
    const [head = 0, pid = 0, vcpu = 0] = this.#words.subarray(at, at + HEADER_WORDS);
    const event = head & EVENT_MASK;
    if (vcpu <= VCPU_LIMIT || this.#options.knows(event)) return;
    throw new UsageError(
      `${this.#options.name}: no record at byte ${this.offset}: event 0x${event.toString(16)} is unknown and no ` +
        `machine has process ${pid} and vCPU ${vcpu}; the recording is damaged from here on`,
    );
  }
}
