// SPDX-License-Identifier: MIT
// Where the project is.
import { join } from "node:path";

/** The project's folder, from dist/packaging/. */
export const PROJECT = join(__dirname, "..", "..");
