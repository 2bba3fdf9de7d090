// Walks through recordings record by record: one after another, or merged by time.
import { RecordReader, type Cut, type ReaderOptions, type TraceRecord } from "./reader";

/** A recording: what messages call it, and its bytes. */
export interface Source {
  name: string;
  chunks: AsyncIterable<Uint8Array>;
}

/** How to read recordings; see ReaderOptions. */
export interface ConsumeOptions extends Omit<ReaderOptions, "name"> {
  /** Take the records of all recordings in the order of their time stamps. */
  merge?: boolean;
  /** Ends the walk early. */
  signal?: AbortSignal;
  /** The walk waits for this after every chunk. */
  pause?: (() => Promise<void>) | undefined;
}

/** Takes one record, which it must not keep, and the place of its recording among them all. */
export type OnRecord = (record: TraceRecord, source: number) => void;

/** A recording whose last record was cut off. */
export interface CutSource extends Cut {
  name: string;
}

/** One recording being read, with the time at which its record stands in the merged order. */
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
    this.reader = new RecordReader({ ...options, name: source.name });
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

/** Gives out the records whose bytes are there. */
function drain({ reader, index }: Cursor, onRecord: OnRecord): void {
  while (reader.next()) onRecord(reader.record, index);
}

async function sequential(
  cursors: Cursor[],
  onRecord: OnRecord,
  { signal, pause }: ConsumeOptions,
): Promise<void> {
  for (const cursor of cursors)
    while (!signal?.aborted && (await cursor.refill())) {
      onRecord(cursor.reader.record, cursor.index);
      drain(cursor, onRecord);
      await pause?.();
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

async function merged(
  cursors: Cursor[],
  onRecord: OnRecord,
  { signal, pause }: ConsumeOptions,
): Promise<void> {
  let open: Cursor[] = [];
  for (const cursor of cursors) if (await cursor.refill()) open.push(cursor);
  for (let cursor = earliest(open); cursor && !signal?.aborted; cursor = earliest(open)) {
    onRecord(cursor.reader.record, cursor.index);
    const done = cursor;
    if (cursor.step()) continue;
    await pause?.();
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
