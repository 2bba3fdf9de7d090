// SPDX-License-Identifier: MIT
// The recordings that a kvm-trace command reads: files, pipes, or standard input.
import { closeSync, constants, fstatSync, openSync, read, readSync, statSync } from "node:fs";
import { Socket } from "node:net";
import { addAbortSignal } from "node:stream";
import { ReadStream, isatty } from "node:tty";
import { promisify } from "node:util";
import { UsageError, causeOf } from "../../src/errors";
import { inputName, quoted } from "../../src/text";
import type { CutSource, Source } from "../../src/trace/consume";
import type { Damage } from "../../src/trace/reader";
import { diagnose, queueOutput } from "../lib/output";
import { LAST_LOOKS, stopOnSignals } from "../lib/stop";
import { DEFAULT_RECORDING } from "./default-recording";

/** Large enough that reading costs nothing beside formatting. */
const CHUNK_BYTES = 1 << 18;
const STDIN = 0;
const readInto = promisify(read);

function unreadable(name: string, error: unknown): UsageError {
  return new UsageError(`cannot read ${name}: ${causeOf(error)}; name a file that you may read`);
}

/** Aborted by the first signal that asks to end, and when standard output takes no more. SIGTERM ends the process soon after. */
export function endSignal(): AbortSignal {
  const ended = new AbortController();
  queueOutput();
  void stopOnSignals(undefined, LAST_LOOKS)
    .wait()
    .then(() => {
      ended.abort();
    });
  return ended.signal;
}

async function* chunksOfFile(file: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await readInto(file, chunk, 0, chunk.length, null);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    if (file !== STDIN) closeSync(file);
  }
}

/** What may keep a reader waiting: read() in the background would hold up the process's end until something comes. */
function streamOf(file: number): Socket | undefined {
  if (isatty(file)) return new ReadStream(file);
  const is = fstatSync(file);
  return is.isFIFO() || is.isSocket() ? new Socket({ fd: file, readable: true, writable: false }) : undefined;
}

/** The bytes of a recording, no more of them after `signal`; each chunk is gone when the next is asked for. */
async function* chunksOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    // O_NONBLOCK: a named pipe without a writer would keep open() waiting.
    const file = path === "-" ? STDIN : openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stream = streamOf(file);
    yield* stream ? (addAbortSignal(signal, stream) as AsyncIterable<Uint8Array>) : chunksOfFile(file);
  } catch (error) {
    if (!signal.aborted) throw unreadable(inputName(path), error);
  }
}

/** The recordings to read where none is named: the one that `record` made here, if a terminal is standard input; said to the user. */
export function namedOr(tool: string, files: readonly string[]): readonly string[] {
  if (files.length > 0 || !isatty(STDIN)) return files;
  if (!isFile(DEFAULT_RECORDING))
    throw new UsageError(
      `there is no ${quoted(DEFAULT_RECORDING)} here; name a recording, or - for standard input`,
    );
  diagnose(`${tool}: reading ${quoted(DEFAULT_RECORDING)}`);
  return [DEFAULT_RECORDING];
}

/** Whether a file is one that is read to its end without waiting. */
function isFile(path: string): boolean {
  try {
    return (path === "-" ? fstatSync(STDIN) : statSync(path)).isFile();
  } catch {
    return false;
  }
}

/** The recordings named on a command line; none or `-` is standard input. */
export function recordings(paths: readonly string[], signal: AbortSignal): Source[] {
  const named = paths.length > 0 ? paths : ["-"];
  return named.map((path) => ({
    name: inputName(path),
    chunks: chunksOf(path, signal),
    live: !isFile(path),
  }));
}

/** Most bytes of a definitions file: thousands of rules. */
const MAX_TEXT = 1 << 20;

/** A small text file as a latin1 string: its bytes. @throws UsageError if it can't be read, or is larger than 1 MiB */
export function readBytes(path: string): string {
  try {
    const file = openSync(path, "r");
    try {
      // One byte more shows whether the file goes on.
      const bytes = Buffer.alloc(MAX_TEXT + 1);
      let length = 0;
      for (let got = -1; got !== 0 && length < bytes.length; length += got)
        got = readSync(file, bytes, length, bytes.length - length, null);
      if (length <= MAX_TEXT) return bytes.toString("latin1", 0, length);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unreadable(quoted(path), error);
  }
  throw new UsageError(
    `${quoted(path)} is larger than 1 MiB, too large for definitions; name a file with rules`,
  );
}

/** The exit status where an input is damaged. */
export const DAMAGED = 2;

/** Most places of damage that are told one by one. */
const MAX_DAMAGES = 5;

/** Says where recordings of ours are damaged. */
export class Damages {
  #count = 0;
  #bytes = 0;
  readonly #tool: string;

  constructor(tool: string) {
    this.#tool = tool;
  }

  /** @param name the recording's */
  add(name: string, { offset, bytes, last }: Damage): void {
    this.#count++;
    this.#bytes += bytes;
    if (this.#count > MAX_DAMAGES) return;
    const where = last ? "its end" : `byte ${offset + bytes}, where the next record is`;
    diagnose(
      `${this.#tool}: ${name}: damaged from byte ${offset} to ${where}: ${bytes} bytes are left out, and what was lost is unknown`,
    );
  }

  /** Says how many there were in all, if not each was told. Returns whether there were any. */
  end(): boolean {
    if (this.#count > MAX_DAMAGES)
      diagnose(`${this.#tool}: damaged at ${this.#count} places; ${this.#bytes} bytes are left out in all`);
    return this.#count > 0;
  }
}

/** Says which recordings end in a record that is not whole, as a recorder that was killed leaves them. */
export function reportCuts(tool: string, cuts: readonly CutSource[]): void {
  for (const { name, offset, bytes } of cuts)
    diagnose(
      `${tool}: ${name}: the last record, at byte ${offset}, is cut off after ${bytes} bytes; left out`,
    );
}
