// SPDX-License-Identifier: MIT
// The file of a recording in the making: whole events, and room for a last record at all times, full disks included.
import { closeSync, ftruncateSync, readSync, writeSync } from "node:fs";
import { ToolError } from "../../src/errors";
import { quoted } from "../../src/text";
import { LAST_BYTES } from "../../src/trace/encode";
import { wholeEvents } from "../../src/trace/fit";
import { changedByOthers, openToWrite } from "../lib/files";
import { writeError } from "../lib/write-error";

/** A place in the file between two events, and how many events come before it. */
interface Place {
  readonly bytes: number;
  readonly events: number;
}

export class RecordingFile {
  readonly #path: string;
  readonly #name: string;
  readonly #fd: number;
  readonly #limit: number;
  #end: Place = { bytes: 0, events: 0 };
  /** Where to cut from when no more can be written: after `#spare` the file holds enough bytes for the last record. */
  #spare: Place = this.#end;
  #nextSpare: Place = this.#end;
  #failed = false;
  /** Whether others have changed it. */
  #taken = false;

  /**
   * What is in the file stays until the first records are written.
   * @param limit most bytes that the file may have
   */
  constructor(path: string, limit: number) {
    this.#name = quoted(path);
    this.#limit = limit;
    this.#path = path;
    this.#fd = openToWrite(path, { mend: "name a file that you may write with -o", alone: true });
  }

  get bytes(): number {
    return this.#end.bytes;
  }

  /** Events in the file. */
  get events(): number {
    return this.#end.events;
  }

  /** Whether something could not be written; nothing more can be then but the last record. */
  get failed(): boolean {
    return this.#failed;
  }

  /** How many words of records the file can still take, in addition to the last one. */
  get room(): number {
    return this.#failed ? 0 : Math.floor((this.#limit - LAST_BYTES - this.#end.bytes) / 4);
  }

  /**
   * Appends records, no more than there is room for; the first is the recording's first.
   * @param events how many events they are of
   * @throws ToolError if they can't all be written; the file then keeps the events that fit in before a last record
   */
  append(records: Uint32Array, events: number): void {
    const first = this.#end.bytes === 0;
    if (first) ftruncateSync(this.#fd);
    this.#check();
    this.#write(records, events);
    if (!first && this.#end.bytes - this.#nextSpare.bytes < LAST_BYTES) return;
    this.#spare = first ? this.#end : this.#nextSpare;
    this.#nextSpare = this.#end;
  }

  /**
   * Appends the last record, and closes the file.
   * @param last makes the record; called once more if events have to give way to it
   */
  finish(last: () => Uint32Array): void {
    const cut = this.#failed;
    if (this.#taken) {
      closeSync(this.#fd);
      return;
    }
    try {
      this.#write(last(), 0);
    } catch (error) {
      if (!cut) this.#write(last(), 0);
      throw error;
    } finally {
      ftruncateSync(this.#fd, this.#end.bytes);
      closeSync(this.#fd);
    }
  }

  /** @throws ToolError if others have changed the file: nothing more is written to it then */
  #check(): void {
    const change = changedByOthers(this.#path, this.#fd, this.#end.bytes);
    if (change === undefined) return;
    this.#taken = this.#failed = true;
    throw new ToolError(
      `${this.#name} ${change} by another program while it was recorded; what is in it is no whole recording: record again`,
    );
  }

  #write(words: Uint32Array, events: number): void {
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    let at = 0;
    try {
      // At a place of its own: where a write failed, the file's own place would stay after the cut.
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#end.bytes + at);
      this.#end = { bytes: this.#end.bytes + at, events: this.#end.events + events };
    } catch (error) {
      this.#cut(this.#end.bytes + at);
      throw writeError(this.#name, error, this.#end.bytes > 0 ? "it holds what was recorded before" : "");
    }
  }

  /** Moves the end back so that the last record can be written over bytes that the file has, `size` in all. */
  #cut(size: number): void {
    if (this.#failed) return;
    this.#failed = true;
    const tail = new Uint32Array(Math.floor((size - this.#spare.bytes) / 4));
    readSync(this.#fd, tail, 0, tail.byteLength, this.#spare.bytes);
    const { words, events } = wholeEvents(tail, tail.length - LAST_BYTES / 4);
    this.#end = { bytes: this.#spare.bytes + 4 * words, events: this.#spare.events + events };
  }
}
