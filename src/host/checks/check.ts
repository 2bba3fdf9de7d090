// SPDX-License-Identifier: MIT
// What a look at one thing about the host gives.
import type { Machine } from "../machine";

/**
 * "good": as it should be. "limited": tools work, with less. "bad": tools that need it can't work. "unknown": the host
 * doesn't tell.
 */
export type FindingState = "good" | "limited" | "bad" | "unknown";

/** How something is, without its name. */
export interface Checked {
  readonly state: FindingState;
  /** How it is, and what that means for the tools. */
  readonly meaning: string;
  /** What to do where the state isn't "good": a command, or where to look. */
  readonly mend?: string;
}

/** Looks at one thing, changing nothing; undefined where this host can't have it. */
export type Check = (machine: Machine) => Checked | undefined;

export const unknown = (meaning: string, mend: string): Checked => ({ state: "unknown", meaning, mend });
export const good = (meaning: string): Checked => ({ state: "good", meaning });
export const bad = (meaning: string, mend: string): Checked => ({ state: "bad", meaning, mend });
export const limited = (meaning: string, mend: string): Checked => ({ state: "limited", meaning, mend });
