// SPDX-License-Identifier: MIT
// Where the package has its own files.
import { join } from "node:path";

/** The package's folder, from dist/src and dist/bin. */
export const PACKAGE = join(__dirname, "..", "..");
