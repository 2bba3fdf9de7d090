// SPDX-License-Identifier: MIT
// Local time as the C library has it.
import { ToolError } from "../errors";
import { loadAddon } from "./load";

/** Year, month from 1, day, hour, minute, second, and seconds east of UTC. */
export type LocalFields = readonly [
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  offset: number,
];

/**
 * What localtime_r() makes of a time.
 * @param seconds since 1970, a whole number
 * @returns undefined where the addon isn't built, or the C library has no local time
 */
export function localFields(seconds: number): LocalFields | undefined {
  try {
    return loadAddon().localTime(seconds);
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}
