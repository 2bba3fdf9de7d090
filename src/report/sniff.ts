// SPDX-License-Identifier: MIT
// What a saved file is, by its first bytes: lines of JSON or a recording, either of them packed by gzip.
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { UsageError, messageOf } from "../errors";

export type Chunks = AsyncIterable<Uint8Array>;

/** A file's kind, and all of its bytes, unpacked. */
export interface Sniffed {
  readonly kind: "lines" | "recording" | "empty" | "other";
  readonly chunks: Chunks;
}

/** RFC 1952. */
const GZIP = [0x1f, 0x8b];
const BRACE = "{".charCodeAt(0);
const BLANKS = new Set(Buffer.from(" \t\r\n"));

async function* again(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** So many bytes tell what a file is: a recording's magic and the first header after it. */
const PEEK = 16;

/** The first bytes, PEEK and more where there are so many, and everything as it was. */
async function peek(chunks: Chunks): Promise<[first: Uint8Array, chunks: Chunks]> {
  const rest = chunks[Symbol.asyncIterator]();
  let first = Buffer.alloc(0);
  while (first.length < PEEK) {
    const next = await rest.next();
    if (next.done) break;
    // The reader of a file uses its memory again.
    first = Buffer.concat([first, next.value]);
  }
  return [first, again(first, rest)];
}

async function* copies(chunks: Chunks): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

/** zlib's word for a file that ends too early. */
const CUT = "Z_BUF_ERROR";
/** And for what isn't the beginning of a packed file: at a file's beginning that was looked at, so that it follows the end of one. */
const NO_HEADER = "incorrect header check";

async function* unpacked(name: string, chunks: Chunks, onCut: () => void): AsyncGenerator<Uint8Array> {
  const source = Readable.from(copies(chunks));
  const unpack = source.pipe(createGunzip());
  source.on("error", (error) => unpack.destroy(error));
  try {
    yield* unpack as Chunks;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if ((error as NodeJS.ErrnoException).code === CUT) {
      onCut();
      return;
    }
    if (messageOf(error) === NO_HEADER)
      throw new UsageError(
        `${name} has other bytes after the end of what gzip packed; zcat leaves them out: pipe what it prints into this`,
        "E_FORMAT",
      );
    throw new UsageError(
      `${name} can't be unpacked: ${messageOf(error)}; gzip -t says whether it is whole`,
      "E_FORMAT",
    );
  }
}

/**
 * Looks at a file's first bytes.
 * @param name the file's in messages
 * @param beginsRecording whether a recording may begin with these bytes
 * @param onCut is told of a packed file that ends too early, after what could be unpacked
 */
export async function sniff(
  name: string,
  chunks: Chunks,
  beginsRecording: (first: Uint8Array) => boolean,
  onCut: () => void,
): Promise<Sniffed> {
  const [packed, all] = await peek(chunks);
  const isPacked = GZIP.every((byte, at) => packed[at] === byte);
  const [first, whole] = isPacked ? await peek(unpacked(name, all, onCut)) : [packed, all];
  const begin = first.find((byte) => !BLANKS.has(byte));
  if (first.length === 0 || (begin === undefined && first.length < PEEK))
    return { kind: "empty", chunks: whole };
  if (begin === BRACE) return { kind: "lines", chunks: whole };
  return { kind: beginsRecording(first) ? "recording" : "other", chunks: whole };
}
