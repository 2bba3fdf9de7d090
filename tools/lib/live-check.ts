// SPDX-License-Identifier: MIT
// What judges a live run at its end, loaded only where something is to be judged.
import type { Judged, LiveCheck } from "./checks";
import type { Wanted } from "../../src/report/selection";
import type { EndOptions } from "./options";

/** Which exits are judged, as a user wants to see them. */
export type JudgedExits = Pick<Wanted, "reasons" | "excludes" | "idle">;

/**
 * Undefined where no limit and no advice is asked for.
 * @throws UsageError for conditions that such a run can't answer
 */
export async function liveCheck(
  tool: string,
  options: EndOptions,
  judged: Judged,
  exits: JudgedExits = {},
): Promise<LiveCheck | undefined> {
  const { failIf, junit, advise = false } = options;
  if (failIf === undefined && junit === undefined && !advise) return undefined;
  const checks = await import("./checks.js");
  return new checks.LiveCheck(tool, options, judged, exits);
}
