// SPDX-License-Identifier: MIT
// A file of text that is written as fast as the disk takes it, compressed if its name ends in .gz.
import { createWriteStream, fstatSync, ftruncateSync } from "node:fs";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { safeText } from "../../src/text";
import { narrow, openToWrite } from "../lib/files";
import { addWriter } from "../lib/output";
import { writeError } from "../lib/write-error";

/** A file that is opened, and emptied, when the first text is written. */
export class TextFile {
  readonly #path: string;
  readonly #mode: number;
  readonly #in = new PassThrough();
  #done: Promise<void> | undefined;
  #error: Error | undefined;

  /** @param mode of a new file; one that is there gets no wider than that */
  constructor(path: string, mode: number) {
    this.#path = path;
    this.#mode = mode;
  }

  /** @throws UsageError if it can't be opened, or may not be */
  #open(): number {
    const file = openToWrite(this.#path, { mend: "name another file with --perfetto", mode: this.#mode });
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
      this.#error = writeError(safeText(this.#path), error, "");
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
