// SPDX-License-Identifier: MIT
// Walks through recordings record by record: one after another, or merged by time.
import { Pace } from "../pace";
import { RecordReader, type Cut, type Damage, type ReaderOptions, type TraceRecord } from "./reader";

/** A recording: what messages call it, and its bytes. */
export interface Source {
  name: string;
  chunks: AsyncIterable<Uint8Array>;
  /** Whether more bytes may take long to come: a record is then given out without those after it. */
  live?: boolean;
}

/** How to read recordings; see ReaderOptions. */
export interface ConsumeOptions extends Omit<ReaderOptions, "name" | "eager" | "onDamage"> {
  /** Take the records of all recordings in the order of their time stamps. */
  merge?: boolean;
  /** Ends the walk early. */
  signal?: AbortSignal;
  /** The walk waits for this after every chunk, and where a record's taker asks for it. */
  pause?: (() => Promise<void>) | undefined;
  /** Is told of bytes that are no records, and of which recording, before the record after them is given out. */
  onDamage?: ((damage: Damage, source: number) => void) | undefined;
}

/**
 * Takes one record, which it must not keep, and the place of its recording among them all. True asks for a pause before the
 * next one.
 */
export type OnRecord = (record: TraceRecord, source: number) => unknown;

/** The clock is looked at every so many records: a rule may take some milliseconds for each. */
const RECORDS_AT_ONCE = 32;

async function rest(pace: Pace, { pause }: ConsumeOptions): Promise<void> {
  await pause?.();
  await pace.rest();
}

/** A recording whose last record was cut off. */
export interface CutSource extends Cut {
  name: string;
}

/** One recording being read, with the time that gives its record a place in the merged order. */
class Cursor {
  readonly reader: RecordReader;
  high = 0;
  low = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(
    readonly source: Source,
    readonly index: number,
    options: ConsumeOptions,
  ) {
    this.reader = new RecordReader({
      ...options,
      name: source.name,
      eager: source.live ?? false,
      onDamage: (damage) => options.onDamage?.(damage, index),
    });
    this.#chunks = source.chunks[Symbol.asyncIterator]();
  }

  /** Reads the next record out of the bytes that are there. */
  step(): boolean {
    if (!this.reader.next()) return false;
    const { record } = this.reader;
    // A record without a time stamp belongs to the moment of the one before it.
    if (record.timed) {
      this.high = record.timeHigh;
      this.low = record.timeLow;
    }
    return true;
  }

  /** Reads the next record after fetching bytes for it; false at the recording's end. */
  async refill(): Promise<boolean> {
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done) {
        this.reader.end();
        return this.step();
      }
      this.reader.feed(next.value);
      if (this.step()) return true;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/** Gives out the records whose bytes are there; true if it is to go on after a pause. */
function drain({ reader, index }: Cursor, onRecord: OnRecord, pace: Pace): boolean {
  for (let left = RECORDS_AT_ONCE; reader.next();) {
    if (onRecord(reader.record, index) === true) return true;
    if (--left > 0) continue;
    if (pace.due) return true;
    left = RECORDS_AT_ONCE;
  }
  return false;
}

async function sequential(cursors: Cursor[], onRecord: OnRecord, options: ConsumeOptions): Promise<void> {
  const { signal } = options;
  const pace = new Pace();
  for (const cursor of cursors)
    while (!signal?.aborted && (await cursor.refill())) {
      onRecord(cursor.reader.record, cursor.index);
      while (!signal?.aborted && drain(cursor, onRecord, pace)) await rest(pace, options);
      await rest(pace, options);
    }
}

/** The cursor of the earliest record, of several the first. There are as many as CPUs: a scan is quick enough. */
function earliest(cursors: readonly Cursor[]): Cursor | undefined {
  let first: Cursor | undefined;
  for (const cursor of cursors)
    if (!first || cursor.high < first.high || (cursor.high === first.high && cursor.low < first.low))
      first = cursor;
  return first;
}

async function merged(cursors: Cursor[], onRecord: OnRecord, options: ConsumeOptions): Promise<void> {
  const pace = new Pace();
  let open: Cursor[] = [];
  for (const cursor of cursors) if (await cursor.refill()) open.push(cursor);
  let left = RECORDS_AT_ONCE;
  for (let cursor = earliest(open); cursor && !options.signal?.aborted; cursor = earliest(open)) {
    const waits = onRecord(cursor.reader.record, cursor.index) === true;
    if (waits || (--left <= 0 && pace.due)) await rest(pace, options);
    if (left <= 0) left = RECORDS_AT_ONCE;
    const done = cursor;
    if (cursor.step()) continue;
    await rest(pace, options);
    if (!(await cursor.refill())) open = open.filter((other) => other !== done);
  }
}

/**
 * Gives every record of the recordings to `onRecord`.
 * @returns the recordings whose last record was cut off
 * @throws UsageError at bytes that are no record; everything before them has been given out
 */
export async function consume(
  sources: readonly Source[],
  options: ConsumeOptions,
  onRecord: OnRecord,
): Promise<CutSource[]> {
  const cursors = sources.map((source, index) => new Cursor(source, index, options));
  try {
    await (options.merge ? merged : sequential)(cursors, onRecord, options);
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
  if (options.signal?.aborted) return [];
  return cursors.flatMap(({ reader, source }) => (reader.cut ? [{ ...reader.cut, name: source.name }] : []));
}
