// SPDX-License-Identifier: MIT
// Bounded reads of what others fill: files of /proc, /sys and users, and folders. No read waits for a writer.
import { closeSync, constants, openSync, opendirSync, readSync, statSync } from "node:fs";

/**
 * What became of a read. "missing": there is no such file, or its process or VM has ended. "denied": it may not be read
 * (EACCES, EPERM). "failed": any other error.
 */
export type ReadState = "read" | "missing" | "denied" | "failed";

/** The beginning of a file. */
export interface Excerpt {
  readonly state: ReadState;
  /** What was read, as UTF-8; "" unless the state is "read". */
  readonly text: string;
  /** Whether the file ended within the bound. */
  readonly isWhole: boolean;
}

/** Entries of a folder. */
export interface Listing {
  readonly state: ReadState;
  readonly names: readonly string[];
  /** Whether these are all. */
  readonly isWhole: boolean;
}

/** Enough for any file of /sys, and for all of /proc/PID except `cmdline` and `environ`. */
export const SMALL_FILE = 2 ** 16;
const CHUNK = 2 ** 14;

const STATES: Readonly<Record<string, ReadState>> = {
  ENOENT: "missing",
  ENOTDIR: "missing",
  // /proc's answer for a process that ended between open() and read().
  ESRCH: "missing",
  EACCES: "denied",
  EPERM: "denied",
};

/** What an error of node:fs says of a read. */
export function readStateOf(error: unknown): ReadState {
  return STATES[String((error as NodeJS.ErrnoException).code)] ?? "failed";
}

// Without O_NONBLOCK the open() of a FIFO waits for its writer. A terminal that is opened doesn't become ours.
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

function withFile<T>(path: string, flags: number, use: (file: number) => T): T {
  const file = openSync(path, FLAGS | flags);
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

/** Fills the buffer as far as the file reaches, and returns how far that was. */
function fill(file: number, buffer: Buffer): number {
  let length = 0;
  for (let got = -1; got !== 0 && length < buffer.length; length += got)
    got = readSync(file, buffer, length, buffer.length - length, null);
  return length;
}

/**
 * The first `maxBytes` of a file.
 * @param options.follow false: a symbolic link as the last part of the path isn't followed, and is "failed"
 */
export function readExcerpt(path: string, maxBytes: number, { follow = true } = {}): Excerpt {
  try {
    return withFile(path, follow ? 0 : constants.O_NOFOLLOW, (file) => {
      // One byte more shows whether the file goes on.
      const buffer = Buffer.allocUnsafe(maxBytes + 1);
      const length = fill(file, buffer);
      const text = buffer.toString("utf8", 0, Math.min(length, maxBytes));
      return { state: "read", text, isWhole: length <= maxBytes };
    });
  } catch (error) {
    return { state: readStateOf(error), text: "", isWhole: false };
  }
}

/** The first `maxBytes` of a file, "" where it can't be read. */
export function readText(path: string, maxBytes = SMALL_FILE): string {
  return readExcerpt(path, maxBytes).text;
}

/**
 * The lines of a file without their ends, one after the other, until the caller stops, the file ends or `maxBytes` are
 * read; none where it can't be read. Of a line longer than `maxLine` bytes the rest is left out.
 */
export function* readLines(path: string, maxBytes: number, maxLine = 4096): Generator<string, void> {
  let file: number | undefined;
  try {
    file = openSync(path, FLAGS);
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, maxBytes));
    let line = "";
    for (let total = 0, got = -1; got !== 0 && total < maxBytes; total += got) {
      got = readSync(file, buffer, 0, Math.min(buffer.length, maxBytes - total), null);
      // One character a byte, so that none is cut in two between chunks.
      const parts = buffer.toString("latin1", 0, got).split("\n");
      for (const [index, part] of parts.entries()) {
        line += part.slice(0, maxLine - line.length);
        if (index === parts.length - 1) break;
        yield Buffer.from(line, "latin1").toString();
        line = "";
      }
    }
    if (line !== "") yield Buffer.from(line, "latin1").toString();
  } catch {
    return;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** At most `most` names of a folder's entries, in the folder's order. */
export function listFolder(path: string, most: number): Listing {
  const names: string[] = [];
  try {
    const folder = opendirSync(path);
    try {
      for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
        if (names.length === most) return { state: "read", names, isWhole: false };
        names.push(entry.name);
      }
    } finally {
      folder.closeSync();
    }
    return { state: "read", names, isWhole: true };
  } catch (error) {
    return { state: readStateOf(error), names, isWhole: false };
  }
}

/** Whether there is such a file or folder, as far as can be seen. access() and existsSync() leave capabilities out. */
export function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
