// A file of text that is written as fast as the disk takes it, compressed if its name ends in .gz.
import { createWriteStream } from "node:fs";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { ToolError, messageOf } from "../../src/errors";
import { safeText } from "../../src/render/text";

export class TextFile {
  readonly #in = new PassThrough();
  readonly #done: Promise<void>;
  #error: Error | undefined;

  constructor(path: string) {
    const file = createWriteStream(path);
    const through = path.endsWith(".gz") ? pipeline(this.#in, createGzip(), file) : pipeline(this.#in, file);
    this.#done = through.catch((error: unknown) => {
      this.#error = new ToolError(
        `cannot write ${safeText(path)}: ${messageOf(error)}; free some space or name another file`,
      );
    });
  }

  /** Writes text and waits until there is room for more. @throws ToolError if the file can't be written */
  async write(text: string): Promise<void> {
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
