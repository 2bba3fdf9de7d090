// SPDX-License-Identifier: MIT
// Where file systems are mounted, from /proc/self/mountinfo, which is there under `subset=pid` too.
import { readLines } from "./read";

/** A mount that no later mount at the same place hides. */
export interface Mount {
  readonly path: string;
  readonly type: string;
  /** Options of the file system, such as `hidepid=invisible`. */
  readonly options: readonly string[];
}

// 20,000 mounts of containers take some 4 MiB.
const MAX_BYTES = 2 ** 23;
const MAX_LINE = 2 ** 14;

// Blanks, tabs, line breaks and backslashes in paths are octal.
const unescape = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** The mounts that lines of a mountinfo file describe; of those at one place the last. */
export function parseMounts(lines: Iterable<string>): Mount[] {
  const mounts = new Map<string, Mount>();
  for (const line of lines) {
    // `36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, place] = before.split(" ");
    const [type = "", , ...options] = after.split(" ");
    if (place === undefined) continue;
    const path = unescape(place);
    // A part of a file system that is bound somewhere still hides what is below it.
    const whole = root === "/" ? type : "";
    mounts.set(path, { path, type: whole, options: options.join(" ").split(",") });
  }
  return [...mounts.values()];
}

/** This process's mounts; none if /proc can't be read. */
export function readMounts(root: string): Mount[] {
  return parseMounts(readLines(`${root}/proc/self/mountinfo`, MAX_BYTES, MAX_LINE));
}
