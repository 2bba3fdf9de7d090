// SPDX-License-Identifier: MIT
// A lock on an open file.
import { loadAddon } from "./load";

/**
 * Locks the file of `descriptor` until the process ends or closes it, however it ends.
 * @returns false if another process has locked it
 * @throws Error where the file's file system has no locks
 */
export function lockFile(descriptor: number): boolean {
  return loadAddon().lockFile(descriptor);
}
