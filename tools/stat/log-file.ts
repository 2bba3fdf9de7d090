// SPDX-License-Identifier: MIT
// The file of kvm-stat's log, which logrotate may move away or empty.
import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { UsageError } from "../../src/errors";
import { Refusal } from "../../src/stat/options";
import { quoted, safeText } from "../../src/text";
import { openToRead, openToWrite } from "../lib/files";
import { addWriter } from "../lib/output";
import { writeError } from "../lib/write-error";

// The names of all fields take some 10 KiB.
const MAX_HEADER = 2 ** 20;
// Less the umask: what VMs do isn't for everyone.
const MODE = 0o640;

// How long to wait before the reader of a pipe is asked again.
const RETRY_MS = 10;

/** Each line is written at once and whole, so nothing is lost when the process ends; a pipe's reader may keep lines waiting. */
export class LogFile {
  #descriptor: number;
  /** What a pipe's reader hasn't made room for. */
  #rest: Uint8Array = Buffer.alloc(0);
  #bytes = 0;
  readonly #path: string;

  /** @throws Refusal in kvm_stat's words, and with the reason, if it can't be opened */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = this.#open();
    addWriter(this);
  }

  #open(): number {
    try {
      return openToWrite(this.#path, { mend: "log elsewhere", mode: MODE, append: true, polled: true });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      // kvm_stat's words, and the rest of "cannot write PATH: WHY; log elsewhere".
      const why = error.message.slice(`cannot write ${quoted(this.#path)}`.length);
      throw new Refusal(`Error: Could not open file: ${safeText(this.#path)}${why}`);
    }
  }

  reopen(): void {
    this.#rest = Buffer.alloc(0);
    closeSync(this.#descriptor);
    this.#descriptor = this.#open();
  }

  /** Whether it is a file, and nothing is in it: a new one, or one that was emptied since. */
  get isEmpty(): boolean {
    const stats = fstatSync(this.#descriptor);
    return stats.isFile() && stats.size === 0;
  }

  /** Empties it if it holds only this line, since it was emptied just before that was written. Returns whether it was so. */
  emptyIfOnly(line: string): boolean {
    const stats = fstatSync(this.#descriptor);
    const isOnly = stats.isFile() && stats.size === Buffer.byteLength(`${line}\n`);
    if (isOnly) ftruncateSync(this.#descriptor);
    return isOnly;
  }

  /** The file's first line, "" if it has none. A last line that was cut off, by a full disk, is ended. */
  begin(): string {
    const { size } = fstatSync(this.#descriptor);
    const file = size === 0 ? undefined : openToRead(this.#descriptor);
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

  /** @throws ToolError if it can't be written */
  write(line: string): void {
    this.#rest = Buffer.concat([this.#rest, Buffer.from(`${line}\n`)]);
    this.#flush();
  }

  /** Bytes that are written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether lines wait for a pipe's reader: no more are to be written then. */
  get isPending(): boolean {
    return this.#rest.length > 0;
  }

  /** Writes what waits, as far as there is room. Returns whether all is written. @throws ToolError if it can't be */
  catchUp(): boolean {
    this.#flush();
    return !this.isPending;
  }

  /** Waits until all is written. @throws ToolError if it can't be */
  async written(): Promise<void> {
    while (!this.catchUp()) await sleep(RETRY_MS);
  }

  #flush(): void {
    try {
      while (this.#rest.length > 0) {
        const written = writeSync(this.#descriptor, this.#rest);
        this.#rest = this.#rest.subarray(written);
        this.#bytes += written;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN")
        throw writeError(quoted(this.#path), error, "", "log elsewhere");
    }
  }
}
