// SPDX-License-Identifier: MIT
// A file of text that is written as fast as the disk takes it, compressed if its name ends in .gz.
import { createWriteStream, fstatSync, ftruncateSync } from "node:fs";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { quoted } from "../../src/text";
import { narrow, openToWrite } from "./files";
import { addWriter } from "./output";
import { writeError } from "./write-error";

/** A file that is opened, and emptied, when the first text is written. */
export class TextFile {
  readonly #path: string;
  readonly #mode: number;
  readonly #mend: string;
  readonly #in = new PassThrough();
  #done: Promise<void> | undefined;
  #error: Error | undefined;

  /**
   * @param mode of a new file, less the umask; one that is there gets no wider than that
   * @param mend what helps against a refusal
   */
  constructor(path: string, mode: number, mend: string) {
    this.#path = path;
    this.#mode = mode;
    this.#mend = mend;
  }

  /** @throws UsageError if it can't be opened, or may not be */
  #open(): number {
    const file = openToWrite(this.#path, { mend: this.#mend, mode: this.#mode });
    narrow(file, this.#mode);
    if (fstatSync(file).isFile()) ftruncateSync(file);
    return file;
  }

  async #pipe(fd: number): Promise<void> {
    const file = createWriteStream("", { fd });
    addWriter({
      get bytes() {
        return file.bytesWritten;
      },
      get isPending() {
        return !file.closed;
      },
    });
    try {
      await (this.#path.endsWith(".gz") ? pipeline(this.#in, createGzip(), file) : pipeline(this.#in, file));
    } catch (error) {
      this.#error = writeError(quoted(this.#path), error, "");
    }
  }

  /** Writes text and waits until there is room for more. @throws ToolError or UsageError if the file can't be written */
  async write(text: string): Promise<void> {
    this.#done ??= this.#pipe(this.#open());
    if (text !== "" && !this.#error && !this.#in.write(text))
      await Promise.race([
        new Promise((resolve) => {
          this.#in.once("drain", resolve);
        }),
        this.#done,
      ]);
    if (this.#error) throw this.#error;
  }

  /** Waits until everything is written. @throws ToolError if it can't be */
  async end(): Promise<void> {
    this.#in.end();
    await this.#done;
    if (this.#error) throw this.#error;
  }
}

/**
 * Writes a file that another tool reads; signals are heard while a pipe's reader is waited for.
 * @throws UsageError if it can't be opened, or may not be; ToolError if it can't be written
 */
export async function writeText(path: string, text: string, mend: string, mode = 0o666): Promise<void> {
  const file = new TextFile(path, mode, mend);
  await file.write(text);
  await file.end();
}
