// SPDX-License-Identifier: MIT
// /proc as the way to files that this process has open.
import { fstatSync, statSync } from "node:fs";

/** Whether /proc tells of this process: what is mounted there may be missing, or another machine's. @param descriptor of an open file */
export function isOwnProc(descriptor: number): boolean {
  const own = fstatSync(descriptor);
  const told = statSync(`/proc/self/fd/${descriptor}`, { throwIfNoEntry: false });
  return told?.dev === own.dev && told.ino === own.ino;
}
