// SPDX-License-Identifier: MIT
// What this process may do, and how it gives that up.
import { ToolError, messageOf } from "../errors";
import { loadAddon } from "./load";

/** Numbers of include/uapi/linux/capability.h. */
export const CAPABILITY = {
  /** To read files that others own: folders of /proc/PID. */
  DAC_READ_SEARCH: 2,
  /** To send signals to processes of other users. */
  KILL: 5,
  /** To read what /proc/PID has of processes of other users: `exe`, `fd`. */
  SYS_PTRACE: 19,
  /** To attach programs that trace. */
  PERFMON: 38,
  /** To load programs and make maps. */
  BPF: 39,
} as const;

export interface Kept {
  /** Capabilities by number. */
  readonly capabilities: readonly number[];
  /** Whether open BPF maps are read and written by system calls: some kernels want CAP_BPF for that. */
  readonly maps: boolean;
  /** The user that this process becomes, without supplementary groups; only root can. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/**
 * Takes from all threads of this process what they may do, except what is kept, for good: children don't get it back either.
 * Where the process has none of the capabilities that are kept, it doesn't get them.
 * @throws ToolError if a thread keeps more
 */
export function dropPrivileges({ capabilities, maps, user }: Kept): void {
  try {
    loadAddon().dropPrivileges(capabilities, maps, ...(user ? [user.uid, user.gid] : []));
  } catch (error) {
    throw new ToolError(
      `cannot give up root's powers: ${messageOf(error)}; report it with the kernel's version`,
    );
  }
}
