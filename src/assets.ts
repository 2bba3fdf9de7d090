// Files: where the package has its own, and whether others are there, as the privileges say that open() has.
import { statSync } from "node:fs";
import { join } from "node:path";

/** The package's folder, from dist/src and dist/bin. */
export const PACKAGE = join(__dirname, "..", "..");

/** Whether there is such a file or folder, as far as can be seen. access() and existsSync() leave capabilities out. */
export function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
