// Standard output and standard error of every tool: the only writers, which notice a closed pipe and a full disk.
import { fstatSync, readFileSync, readlinkSync, write as writeLater, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { promisify } from "node:util";
import { ToolError, messageOf } from "../../src/errors";
import { safeText } from "../../src/text";

const STDOUT = 1;
const STDERR = 2;
// How long to wait before a reader that is slower than a non-blocking pipe is asked again.
const RETRY_MS = 10;

const ACCESS = 0o3;
const READ_AND_WRITE = 0o2;

/** What messages call the running tool. */
let toolName = "kvm-vmexit";

const CLOSED = "standard output is closed, or is /dev/null: nothing printed is seen; use >FILE";

let expected = false;
let failure: NodeJS.ErrnoException | undefined;
let onEnd: () => void = () => undefined;
// What is still to be written, and the promise of its writer; undefined where each print() writes at once.
let queue: Buffer[] | undefined;
let writing: Promise<void> | undefined;

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
      rest = rest.subarray((await writeSome(STDOUT, rest)).bytesWritten);
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
    if (readlinkSync(`/proc/self/fd/${STDOUT}`) !== "/dev/null") return false;
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

/** Writes diagnostic lines to standard error; what they quote can't steer a terminal. */
export function diagnose(lines: string): void {
  try {
    write(STDERR, Buffer.from(lines.split("\n").map(safeText).join("\n") + "\n"));
  } catch {
    // There is nowhere left to report this.
  }
}

/** Whether a line on standard error can be written over. */
const canRewrite = () => isatty(STDERR) && !["", "dumb"].includes(process.env["TERM"] ?? "");
let progressShown = false;

/**
 * Shows how far something is, in place of what was shown before; nothing where standard error is no terminal.
 * @param text safe to print; undefined takes it away
 */
export function showProgress(text: string | undefined): void {
  if (!canRewrite() || (text === undefined && !progressShown)) return;
  progressShown = text !== undefined;
  try {
    write(STDERR, Buffer.from(`\r\x1b[K${text ?? ""}`));
  } catch {
    // There is nowhere left to report this.
  }
}

/**
 * Throws if output was lost to anything but a reader that closed the pipe, which is that reader's right.
 * @throws ToolError naming the cause, such as a full disk
 */
export function checkOutput(): void {
  if (!failure || failure.code === "EPIPE") return;
  throw new ToolError(
    `cannot write to standard output: ${messageOf(failure)}; free some space or write elsewhere`,
  );
}

/** How many columns the terminal on standard output has; undefined where it is none. */
export function outputColumns(): number | undefined {
  return isatty(STDOUT) ? process.stdout.columns : undefined;
}
