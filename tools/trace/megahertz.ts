// SPDX-License-Identifier: MIT
// The option -c: the rate of a recording's clock.
import { UsageError } from "../../src/errors";

/** A clock rate in MHz as Python's int() reads one: it may be 0, which is as none, or negative. */
export function megahertz(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\s*[-+]?\d{1,9}\s*$/.test(text))
    throw new UsageError(`-c takes the clock's rate in MHz as an integer, not "${text}"`);
  return Number(text);
}
