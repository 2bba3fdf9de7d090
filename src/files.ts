// Whether files are there, as the privileges say that open() has.
import { statSync } from "node:fs";

/** Whether there is such a file or folder, as far as can be seen. access() and existsSync() leave capabilities out. */
export function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
