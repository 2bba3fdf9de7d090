// SPDX-License-Identifier: MIT
// Standard output and standard error of every tool: the only writers, which notice a closed pipe and a full disk.
import {
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  write as writeLater,
  writeSync,
} from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import type * as Tty from "node:tty";
import { promisify } from "node:util";
import { Pace } from "../../src/pace";
import { safeText } from "../../src/text";
import { isOwnProc } from "./own-proc";
import { writeError } from "./write-error";

const STDOUT = 1;
const STDERR = 2;
// How long to wait before a reader that is slower than a non-blocking pipe is asked again.
const RETRY_MS = 10;

// Text is printed in pieces of about so many characters.
const PIECE = 2 ** 16;

// Diagnostics that are kept for a reader; more are dropped.
const MAX_SAID = 2 ** 16;

/** Major 1, minor 3: Documentation/admin-guide/devices.txt of the kernel. */
const DEV_NULL = 0x103;
const ACCESS = 0o3;
const READ_AND_WRITE = 0o2;

const loadTty = () => createRequire(__filename)("node:tty") as typeof Tty;

/** Whether a file of this process is a terminal. Loading node:tty takes 20 million instructions, which a pipe or file is spared. */
function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && loadTty().isatty(fd);
  } catch {
    return false;
  }
}

/** What messages call the running tool. */
let toolName = "kvm-vmexit";

const CLOSED = "standard output is closed, or is /dev/null: nothing printed is seen; use >FILE";

let expected = false;
let failure: NodeJS.ErrnoException | undefined;
let onEnd: () => void = () => undefined;
// What is still to be written, and the promise of its writer; undefined where each print() writes at once.
let queue: Buffer[] | undefined;
let writing: Promise<void> | undefined;
// Bytes that readers took, of both streams.
let progress = 0;

function fail(error: unknown): void {
  failure = error as NodeJS.ErrnoException;
  onEnd();
}

/** Writes all of it, at once: streams would keep it back, and lose it if the process ends. */
function write(fd: number, rest: Uint8Array): void {
  while (rest.length > 0)
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
}

async function writeQueue(): Promise<void> {
  const writeSome = promisify(writeLater);
  for (let rest = queue?.shift(); rest && !failure; rest = rest.length > 0 ? rest : queue?.shift())
    try {
      const { bytesWritten } = await writeSome(STDOUT, rest);
      rest = rest.subarray(bytesWritten);
      progress += bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") await sleep(RETRY_MS);
      else fail(error);
    }
  writing = undefined;
}

/** Gives the running tool the name that messages about its output have. */
export function nameTool(name: string): void {
  toolName = name;
}

/**
 * Writes in the background from here on, so that signals are handled while a pipe's reader doesn't read. A caller that prints
 * without end asks outputPending() first.
 */
export function queueOutput(): void {
  // A file takes what is written without waiting for anybody.
  if (!fstatSync(STDOUT).isFile()) queue ??= [];
}

/** Whether something printed earlier still waits for its reader. */
export function outputPending(): boolean {
  return writing !== undefined;
}

/** Whether standard output can take no more. */
export function outputEnded(): boolean {
  return failure !== undefined;
}

/** Resolves when all that was printed is written, or can't be. */
export async function outputWritten(): Promise<void> {
  await writing;
}

/** Whether standard output may have been closed: Node then opens /dev/null in its place, for reading and writing. */
function maybeClosed(): boolean {
  try {
    const { rdev } = fstatSync(STDOUT);
    if (rdev !== DEV_NULL || readlinkSync(`/proc/self/fd/${STDOUT}`) !== "/dev/null") return false;
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${STDOUT}`, "latin1"))?.[1];
    return (parseInt(flags ?? "0", 8) & ACCESS) === READ_AND_WRITE;
  } catch {
    return false;
  }
}

/**
 * Looks once whether there is a standard output, and says so if there may be none. No more than that: who starts a tool with
 * its output discarded may have opened /dev/null just so.
 */
export function expectOutput(): void {
  if (!expected && maybeClosed()) diagnose(`${toolName}: ${CLOSED}`);
  expected = true;
}

/** Calls `listener` when standard output can take no more, so that a tool ends when no output is read. */
export function onOutputEnd(listener: () => void): void {
  onEnd = listener;
}

/** Writes lines to standard output, each with its newline, in one write so that a reader sees whole tables. */
export function print(lines: readonly string[]): void {
  if (lines.length > 0) printBytes(Buffer.from(lines.join("\n") + "\n"));
}

/** Writes bytes to standard output; they may be used again for others when it returns. */
export function printBytes(bytes: Uint8Array): void {
  if (failure || bytes.length === 0) return;
  expectOutput();
  if (queue) {
    queue.push(Buffer.from(bytes));
    writing ??= writeQueue();
    return;
  }
  try {
    write(STDOUT, bytes);
  } catch (error) {
    fail(error);
  }
}

/**
 * Prints text that is made piece by piece, no more of it than its reader takes; signals are heard in between.
 * @param after what follows each piece
 */
export async function printPieces(pieces: Iterable<string>, after = ""): Promise<void> {
  const pace = new Pace();
  let text = "";
  for (const piece of pieces) {
    text += piece + after;
    if (text.length >= PIECE) {
      printBytes(Buffer.from(text));
      text = "";
      await outputWritten();
      if (outputEnded()) return;
    }
    await pace.rest();
  }
  printBytes(Buffer.from(text));
}

/** Standard error as a file of its own, whose writes don't wait for a reader; undefined where it can't be opened again. */
function openStderr(): number | undefined {
  try {
    // A file takes what is written without waiting for anybody.
    if (fstatSync(STDERR).isFile()) return STDERR;
    if (!isOwnProc(STDERR)) return undefined;
    return openSync(
      `/proc/self/fd/${STDERR}`,
      constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
  } catch {
    // A socket, another user's pipe or terminal, or a pipe that has no reader.
    return undefined;
  }
}

let stderr: { readonly fd: number | undefined } | undefined;
let unsaid: Uint8Array = Buffer.alloc(0);
let saying: Promise<void> | undefined;

/** Writes at once what standard error takes of it, and returns the rest. */
function sayNow(bytes: Uint8Array): Uint8Array {
  stderr ??= { fd: openStderr() };
  let rest = bytes;
  try {
    while (stderr.fd !== undefined && rest.length > 0) {
      const written = writeSync(stderr.fd, rest);
      rest = rest.subarray(written);
      progress += written;
    }
  } catch (error) {
    // There is nowhere left to report this.
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return Buffer.alloc(0);
  }
  return rest;
}

/** Writes the diagnostics that have to wait for their reader, in the background. */
async function sayLater(): Promise<void> {
  const writeSome = promisify(writeLater);
  while (unsaid.length > 0) {
    const before = unsaid.length;
    if (stderr?.fd !== undefined) unsaid = sayNow(unsaid);
    else
      try {
        const { bytesWritten } = await writeSome(STDERR, unsaid);
        unsaid = unsaid.subarray(bytesWritten);
        progress += bytesWritten;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") unsaid = Buffer.alloc(0);
      }
    if (unsaid.length === before) await sleep(RETRY_MS);
  }
  saying = undefined;
}

/** Writes to standard error without waiting for a reader. */
function say(text: string): void {
  const bytes = Buffer.from(text);
  if (unsaid.length > 0) {
    if (unsaid.length < MAX_SAID) unsaid = Buffer.concat([unsaid, bytes]);
    return;
  }
  unsaid = sayNow(bytes);
  if (unsaid.length > 0) saying ??= sayLater();
}

/** Writes diagnostic lines to standard error; what they quote can't steer a terminal. Doesn't wait for a reader. */
export function diagnose(lines: string): void {
  say(lines.split("\n").map(safeText).join("\n") + "\n");
}

/** Whether a line on standard error can be written over. */
const canRewrite = () => isTerminal(STDERR) && !["", "dumb"].includes(process.env["TERM"] ?? "");
let progressShown = false;

/**
 * Shows how far something is, in place of what was shown before; nothing where standard error is no terminal.
 * @param text safe to print; undefined takes it away
 */
export function showProgress(text: string | undefined): void {
  if (!canRewrite() || (text === undefined && !progressShown)) return;
  progressShown = text !== undefined;
  say(`\r\x1b[K${text ?? ""}`);
}

/** Resolves when all diagnostics are written, or can't be. */
export async function diagnosticsWritten(): Promise<void> {
  await saying;
}

/** What else writes in the background. */
export interface Writer {
  /** Bytes that are written. */
  readonly bytes: number;
  readonly isPending: boolean;
}

const writers: Writer[] = [];

/** Has waitingFor() know another writer. */
export function addWriter(writer: Writer): void {
  writers.push(writer);
}

/** What was written in the background, and whether something still waits for its reader. */
export function waitingFor(): Writer {
  return {
    bytes: writers.reduce((sum, { bytes }) => sum + bytes, progress),
    isPending: writing !== undefined || saying !== undefined || writers.some(({ isPending }) => isPending),
  };
}

/**
 * Throws if output was lost to anything but a reader that closed the pipe, which is that reader's right.
 * @throws ToolError naming the cause, such as a full disk
 */
export function checkOutput(): void {
  if (!failure || failure.code === "EPIPE") return;
  throw writeError("to standard output", failure, "", "write elsewhere");
}

/** How many columns the terminal on standard output has; undefined where it is none. Serial consoles tell 0 of themselves. */
export function outputColumns(): number | undefined {
  return isTerminal(STDOUT) ? process.stdout.columns || 80 : undefined;
}

/** How many rows the terminal on standard output has; undefined where it is none. */
export function outputRows(): number | undefined {
  return isTerminal(STDOUT) ? process.stdout.rows || 24 : undefined;
}

/** Whether standard output shows colours and styles: a terminal that isn't dumb, where NO_COLOR is unset or empty. */
export function isStyled(): boolean {
  const { NO_COLOR = "", TERM = "" } = process.env;
  return isTerminal(STDOUT) && NO_COLOR === "" && TERM !== "" && TERM !== "dumb";
}

/** A printable line, marked where standard output shows styles. */
export function emphasized(line: string): string {
  return isStyled() ? `\x1b[1m${line}\x1b[0m` : line;
}

/** A printable line that warns, where standard output shows styles. */
export function alarming(line: string): string {
  return isStyled() ? `\x1b[31m${line}\x1b[0m` : line;
}
