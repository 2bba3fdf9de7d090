// SPDX-License-Identifier: MIT
// What judges a live run at its end, loaded only where something is to be judged.
import type { Judged, LiveCheck } from "./checks";
import type { EndOptions } from "./options";

/**
 * Undefined where no limit and no advice is asked for.
 * @throws UsageError for conditions that such a run can't answer
 */
export async function liveCheck(
  tool: string,
  options: EndOptions,
  judged: Judged,
): Promise<LiveCheck | undefined> {
  const { failIf, junit, advise = false } = options;
  if (failIf === undefined && junit === undefined && !advise) return undefined;
  const checks = await import("./checks.js");
  return new checks.LiveCheck(tool, options, judged);
}
