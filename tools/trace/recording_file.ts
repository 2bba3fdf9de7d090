// The file of a recording in the making: whole records and a last one at all times, full disks included.
import { closeSync, constants, ftruncateSync, openSync, statSync, writeSync } from "node:fs";
import { ToolError, UsageError, messageOf } from "../../src/errors";
import { safeText } from "../../src/render/text";
import { wholeRecords } from "../../src/trace/fit";

/** Room that is kept for the last record. */
const LAST_BYTES = 64;
/** Exits tell of guests: nobody but the user may read them. */
const MODE = 0o600;

export class RecordingFile {
  readonly #name: string;
  readonly #fd: number;
  readonly #limit: number;
  #bytes = 0;

  /**
   * What stands in the file stays until the first records are written.
   * @param limit most bytes that the file may have
   */
  constructor(path: string, limit: number) {
    this.#name = safeText(path);
    this.#limit = limit;
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
      throw new UsageError(`cannot write ${this.#name}: it is no regular file; name one with -o`);
    try {
      this.#fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, MODE);
    } catch (error) {
      throw new UsageError(
        `cannot write ${this.#name}: ${messageOf(error)}; name a file that you may write with -o`,
      );
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends records.
   * @returns false when the file has reached its limit, with as many of the records as fitted
   * @throws ToolError if they can't all be written; the file then ends with one that could
   */
  append(records: Uint32Array): boolean {
    const room = Math.floor((this.#limit - LAST_BYTES - this.#bytes) / 4);
    const words = wholeRecords(records, Math.max(room, 0));
    this.#write(records.subarray(0, words));
    return words === records.length;
  }

  /** Appends the last record, and closes the file. */
  finish(last: Uint32Array): void {
    try {
      this.#write(last);
    } finally {
      closeSync(this.#fd);
    }
  }

  #write(words: Uint32Array): void {
    if (this.#bytes === 0) ftruncateSync(this.#fd);
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    let at = 0;
    try {
      // At a place of its own: where a write failed, the file's own place would stay behind the cut.
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#bytes + at);
      this.#bytes += bytes.length;
    } catch (error) {
      this.#bytes += 4 * wholeRecords(words, Math.max(Math.floor((at - LAST_BYTES) / 4), 0));
      ftruncateSync(this.#fd, this.#bytes);
      throw new ToolError(
        `cannot write ${this.#name}: ${messageOf(error)}; it holds what was recorded before: free some space`,
      );
    }
  }
}
