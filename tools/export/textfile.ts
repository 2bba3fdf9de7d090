// SPDX-License-Identifier: MIT
// A file for node_exporter's textfile collector, which is whole whenever it is read.
import {
  closeSync,
  constants,
  fchmodSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { ToolError, UsageError, messageOf } from "../../src/errors";
import { quoted } from "../../src/text";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
// node_exporter is another user.
const READABLE = 0o644;

const isFull = (error: unknown) => /^(ENOSPC|EDQUOT)/.test(messageOf(error));

/** What became of the file's versions. */
export interface Outcomes extends Record<string, number> {
  written: number;
  failed: number;
}

/** Replaces a file as a whole: it is written beside its place, and renamed. */
export class Textfile {
  readonly #path: string;
  readonly #part: string;
  readonly outcomes: Outcomes = { written: 0, failed: 0 };

  /** @throws UsageError for a name that the collector doesn't read, or a folder that isn't there */
  constructor(path: string) {
    if (!/[^/]\.prom$/.test(path))
      throw new UsageError(
        `--textfile takes a file that ends in .prom, which node_exporter reads, not ${quoted(path)}`,
      );
    const folder = dirname(path);
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
      throw new UsageError(`--textfile: there is no folder ${quoted(folder)}; make it, or name another one`);
    this.#path = path;
    this.#part = join(dirname(path), `.${basename(path)}.${process.pid}`);
  }

  /** @throws ToolError if it can't be written */
  write(text: string | Uint8Array): void {
    try {
      this.#discard();
      // What was left by a process that had this one's id is removed first, and no link is followed.
      const file = openSync(this.#part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, READABLE);
      try {
        fchmodSync(file, READABLE);
        writeFileSync(file, text);
      } finally {
        closeSync(file);
      }
      renameSync(this.#part, this.#path);
      this.outcomes.written++;
    } catch (error) {
      this.outcomes.failed++;
      this.#discard();
      throw new ToolError(
        `cannot write ${quoted(this.#path)}: ${messageOf(error)}; ${isFull(error) ? "make room on its disk" : "the folder must be the exporter's user's"}`,
      );
    }
  }

  /** Takes the file away: counters that aren't counted any more aren't shown. */
  remove(): void {
    for (const path of [this.#part, this.#path])
      try {
        unlinkSync(path);
      } catch {
        // It was never written, or another has removed it.
      }
  }

  #discard(): void {
    try {
      unlinkSync(this.#part);
    } catch {
      // There is none.
    }
  }
}
