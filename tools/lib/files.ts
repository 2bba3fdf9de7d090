// SPDX-License-Identifier: MIT
// Files that tools write as root: opened so that no other user decides which file that is, and read only by those that it is for.
import {
  type Stats,
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readlinkSync,
  statSync,
  statfsSync,
} from "node:fs";
import { dirname } from "node:path";
import { UsageError, causeOf } from "../../src/errors";
import { lockFile } from "../../src/native/lock";
import { quoted } from "../../src/text";
import { isOwnProc } from "./own-proc";

/** Opens a place in a file system and nothing of the file: include/uapi/asm-generic/fcntl.h; Node has no name for it. */
const O_PATH = 0o10000000;
const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;
/** PROC_SUPER_MAGIC of include/uapi/linux/magic.h. */
const PROC = 0x9fa0;
/** As many as the kernel follows: MAXSYMLINKS of include/linux/namei.h. */
const MAX_LINKS = 40;
const PRIVATE = 0o600;
const READ_WRITE = 0o666;

/** How a file is to be opened. */
export interface WriteOptions {
  /** What the user can do about a refusal, such as "name another file with -o". */
  readonly mend: string;
  /** Mode of a new file, less the umask; 0600 if undefined. */
  readonly mode?: number;
  /** Every write goes to the file's end. */
  readonly append?: boolean;
  /** Writes to a pipe or terminal that takes nothing fail with EAGAIN; without, they wait. */
  readonly polled?: boolean;
  /** Refuses what is no regular file, and a file that another process has opened with this. */
  readonly alone?: boolean;
  /** Users whose links are followed and whose files are written: this process's and root, except in tests. */
  readonly trusted?: ReadonlySet<number>;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function systemError(code: string, text: string): Error {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}

/** Finds the file of a path step by step, holding each folder, so that none can be replaced after it was looked at. */
class Walk {
  readonly #path: string;
  readonly #options: WriteOptions;
  readonly #trusted: ReadonlySet<number>;
  #parts: string[];
  #folder: number;
  #links = 0;
  /** Whether /proc has led here, as from /dev/stdout: to a file that this process has open. */
  #given = false;

  constructor(path: string, options: WriteOptions) {
    this.#path = path;
    this.#options = options;
    this.#trusted = options.trusted ?? new Set([0, process.geteuid?.() ?? 0]);
    this.#parts = path.split("/");
    this.#folder = openSync(path.startsWith("/") ? "/" : ".", O_PATH | O_DIRECTORY);
    if (isOwnProc(this.#folder)) return;
    this.close();
    this.#refuse("files are opened through /proc, and what is mounted there isn't this process's /proc");
  }

  close(): void {
    closeSync(this.#folder);
  }

  /** Opens the file. @throws UsageError what is refused; the system's errors as they are */
  open(): number {
    for (;;) {
      const name = this.#parts.shift();
      const last = this.#parts.length === 0;
      if (name === undefined || (last && (name === "" || name === ".")))
        throw this.#path === "" ? systemError("ENOENT", "no name") : systemError("EISDIR", "it is a folder");
      if (name === "" || name === ".") continue;
      const descriptor = this.#step(`/proc/self/fd/${this.#folder}/${name}`, last);
      if (descriptor !== undefined) return descriptor;
    }
  }

  #refuse(why: string): never {
    throw new UsageError(`cannot write ${quoted(this.#path)}: ${why}; ${this.#options.mend}`);
  }

  #enter(folder: number): void {
    closeSync(this.#folder);
    this.#folder = folder;
  }

  /** Goes on to `at`, or returns its descriptor if it is the file. */
  #step(at: string, last: boolean): number | undefined {
    const created = last ? this.#create(at) : undefined;
    if (created !== undefined) return created;
    let found: number | undefined = openSync(at, O_PATH | O_NOFOLLOW);
    try {
      const stats = fstatSync(found);
      if (stats.isSymbolicLink()) {
        const target = this.#follow(at, stats, last);
        if (target === undefined) return undefined;
        closeSync(found);
        found = target;
      }
      if (last) return this.#again(found);
      this.#enter(found);
      found = undefined;
      return undefined;
    } finally {
      if (found !== undefined) closeSync(found);
    }
  }

  #create(at: string): number | undefined {
    const { append, mode = PRIVATE } = this.#options;
    try {
      return openSync(at, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | (append ? O_APPEND : 0), mode);
    } catch (error) {
      if (codeOf(error) === "EEXIST") return undefined;
      throw error;
    }
  }

  /** Whether no other user can replace what is in this folder. */
  #guarded(): boolean {
    const { mode, uid, gid } = fstatSync(this.#folder);
    if (!this.#trusted.has(uid)) return false;
    const others = mode & constants.S_IWOTH || (mode & constants.S_IWGRP && gid !== process.getegid?.());
    const sticky = mode & 0o1000;
    return !others || sticky !== 0;
  }

  /** Follows a link: what it leads to, or undefined if the walk has its steps ahead of it. */
  #follow(at: string, link: Stats, last: boolean): number | undefined {
    if (!this.#trusted.has(link.uid)) this.#refuse(`a link on the way to it is user ${link.uid}'s`);
    if (!this.#guarded()) this.#refuse("a link on the way to it is in a folder that others may change");
    if (++this.#links > MAX_LINKS) throw systemError("ELOOP", "too many symbolic links encountered");
    if (statfsSync(`/proc/self/fd/${this.#folder}`).type === PROC) {
      this.#given = last;
      return openSync(at, O_PATH);
    }
    const target = readlinkSync(at);
    this.#parts = [...target.split("/"), ...this.#parts];
    if (target.startsWith("/")) this.#enter(openSync("/", O_PATH | O_DIRECTORY));
    return undefined;
  }

  /** Opens for writing what `found` holds. */
  #again(found: number): number {
    const stats = fstatSync(found);
    const { uid, nlink } = stats;
    const at = `/proc/self/fd/${found}`;
    const append = this.#options.append ? O_APPEND : 0;
    if (stats.isDirectory()) throw systemError("EISDIR", "it is a folder");
    if (!stats.isFile() && this.#options.alone) this.#refuse("it is no regular file");
    if (!this.#given) {
      if (!this.#trusted.has(uid)) this.#refuse(`user ${uid} owns it`);
      // A hard link may be another's name for a file that is ours.
      if (stats.isFile() && nlink > 1 && !this.#guarded())
        this.#refuse(`it has ${nlink} names, and others can write in its folder`);
    }
    if (stats.isFile()) return this.#openFile(at, append);
    // Without a reader a pipe would be waited for in openSync(): once there is one, opening it again doesn't wait.
    const ready = openSync(at, O_WRONLY | O_NONBLOCK | append);
    if (this.#options.polled) return ready;
    try {
      return openSync(at, O_WRONLY | append);
    } finally {
      closeSync(ready);
    }
  }

  #openFile(at: string, append: number): number {
    try {
      return openSync(at, O_RDWR | append);
    } catch (error) {
      // A file that may be written and not read.
      if (codeOf(error) !== "EACCES") throw error;
      return openSync(at, O_WRONLY | append);
    }
  }
}

/**
 * Opens a file for writing, made if there is none; what is in it stays.
 *
 * Where other users can make files and links, none of theirs decides what is written: a link is followed only if this user
 * or root made it and others can't replace it; a file that exists is opened only if it is this user's or root's. A folder of
 * another user takes new files.
 * @throws UsageError one line that says why not, and `mend`
 */
export function openToWrite(path: string, options: WriteOptions): number {
  let walk: Walk | undefined;
  let descriptor: number | undefined;
  try {
    walk = new Walk(path, options);
    descriptor = walk.open();
    if (options.alone && !lockFile(descriptor))
      throw new UsageError(`cannot write ${quoted(path)}: another process is writing it; ${options.mend}`);
    return descriptor;
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot write ${quoted(path)}: ${causeOf(error)}; ${options.mend}`);
  } finally {
    walk?.close();
  }
}

/** Opens the file of a descriptor once more, for reading; undefined where it may be written only. */
export function openToRead(descriptor: number): number | undefined {
  try {
    return isOwnProc(descriptor) ? openSync(`/proc/self/fd/${descriptor}`, "r") : undefined;
  } catch {
    return undefined;
  }
}

const STDIN = 0;

/** What is known of a file that is read, "-" for standard input; undefined if nothing is: the attempt to open it says why. */
function look(file: string): Stats | undefined {
  try {
    return file === "-" ? fstatSync(STDIN) : statSync(file);
  } catch {
    return undefined;
  }
}

/**
 * The mode for what is made of these files, "-" for standard input: readable to those only who can read all of them, and
 * to its owner where one isn't a file.
 */
export function narrowestMode(files: readonly string[]): number {
  return files
    .map(look)
    .reduce((mode, source) => mode & (source?.isFile() ? source.mode : PRIVATE), READ_WRITE);
}

/**
 * @param files that are read, "-" for standard input
 * @param what such a file is called, and what to do
 * @throws UsageError if writing `out` would overwrite one of them
 */
export function checkApart(out: string, files: readonly string[], what: string): void {
  const target = out === "-" ? undefined : look(out);
  for (const source of files.map(look))
    if (target?.isFile() && source?.ino === target.ino && source.dev === target.dev)
      throw new UsageError(`${quoted(out)} is ${what}`);
}

/**
 * Looks at a file that is written after long work, without making it: most refusals are told before the work.
 * @param mend what the user can do
 * @throws UsageError if it is a folder, has no name or that of standard output, or can't be made where it is to be
 */
export function checkTarget(path: string, mend: string): void {
  if (path === "-") throw new UsageError(`"-" is standard output, which has the tables; ${mend}`);
  try {
    if (path === "") throw systemError("ENOENT", "it has no name");
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory()) throw systemError("EISDIR", "it is a folder");
    accessSync(stats ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw new UsageError(`cannot write ${quoted(path)}: ${causeOf(error)}; ${mend}`);
  }
}

/** @throws UsageError if a file, "-" for standard input, is named twice, by whatever names */
export function checkOnce(files: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const file of files) {
    const stats = look(file);
    const key = stats ? `${stats.dev}:${stats.ino}` : file;
    const other = seen.get(key);
    if (other !== undefined)
      throw new UsageError(
        `${quoted(file)} is ${other === file ? "named twice" : `the same file as ${quoted(other)}`}; name each file once`,
      );
    seen.set(key, file);
  }
}

/** Takes from a regular file of this user what `mode` doesn't allow, before it is written anew. */
export function narrow(descriptor: number, mode: number): void {
  const stats = fstatSync(descriptor);
  const kept = stats.mode & mode & READ_WRITE;
  if (stats.isFile() && stats.uid === process.geteuid?.() && kept !== (stats.mode & 0o7777))
    fchmodSync(descriptor, kept);
}

/**
 * What others have done to a file since this process wrote `bytes` bytes to it, to be said after its name; undefined if
 * nothing.
 */
export function changedByOthers(path: string, descriptor: number, bytes: number): string | undefined {
  const { size, nlink, dev, ino } = fstatSync(descriptor);
  if (size !== bytes) return `was ${size < bytes ? "cut to" : "changed to"} ${size} bytes, of ${bytes}`;
  if (nlink === 0) return "was removed";
  try {
    const there = statSync(path);
    return there.dev === dev && there.ino === ino ? undefined : "was moved away";
  } catch {
    return "was moved away";
  }
}
