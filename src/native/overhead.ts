// SPDX-License-Identifier: MIT
// What the kernel counts of the programs themselves.
import { ToolError, messageOf } from "../errors";
import { loadAddon } from "./load";

/** What the kernel's run time statistics say of one program, since it was loaded. */
export interface ProgramRun {
  /** The first 15 characters of it. */
  readonly name: string;
  readonly runNs: number;
  readonly runCount: number;
}

/** A program that this process holds. */
export interface HeldProgram extends ProgramRun {
  /** What the verifier walked; 0 before Linux 5.16, which doesn't tell. */
  readonly verifiedInsns: number;
  /** Machine code. */
  readonly jitedBytes: number;
}

/**
 * Has the kernel keep run time statistics of all BPF programs until the file descriptor that this returns is closed.
 * @throws ToolError where it can't
 */
export function enableRunStatistics(): number {
  try {
    return loadAddon().enableRunStatistics();
  } catch (error) {
    if (error instanceof ToolError) throw error;
    throw new ToolError(
      `the kernel keeps no run time statistics (${messageOf(error)}); leave --overhead out, or become root`,
    );
  }
}

/** The statistics of the programs that this process holds. */
export function runStatistics(): HeldProgram[] {
  return loadAddon().runStatistics();
}
