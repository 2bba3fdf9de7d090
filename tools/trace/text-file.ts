// A file of text that is written as fast as the disk takes it, compressed if its name ends in .gz.
import { createWriteStream } from "node:fs";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { ToolError, messageOf } from "../../src/errors";
import { safeText } from "../../src/text";

/** A file that is opened, and emptied, when the first text is written. */
export class TextFile {
  readonly #path: string;
  readonly #in = new PassThrough();
  #done: Promise<void> | undefined;
  #error: Error | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async #pipe(): Promise<void> {
    const file = createWriteStream(this.#path);
    try {
      await (this.#path.endsWith(".gz") ? pipeline(this.#in, createGzip(), file) : pipeline(this.#in, file));
    } catch (error) {
      this.#error = new ToolError(
        `cannot write ${safeText(this.#path)}: ${messageOf(error)}; free some space or name another file`,
      );
    }
  }

  /** Writes text and waits until there is room for more. @throws ToolError if the file can't be written */
  async write(text: string): Promise<void> {
    this.#done ??= this.#pipe();
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
