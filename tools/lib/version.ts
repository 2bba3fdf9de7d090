// SPDX-License-Identifier: MIT
// The version of the package.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../../src/assets";

export function version(): string {
  const text = readFileSync(join(PACKAGE, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
