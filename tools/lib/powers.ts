// SPDX-License-Identifier: MIT
// What a tool may still do once its programs are attached: what the rest of its run needs, and no more.
import { CAPABILITY, dropPrivileges } from "../../src/native/privileges";

/** What the rest of a run does. */
export interface Needs {
  /** It reads the names of other users' VMs from /proc. */
  readonly names?: boolean;
  /** It writes and asks for BPF maps and programs that are open. */
  readonly maps?: boolean;
  /** It makes further BPF maps. */
  readonly makesMaps?: boolean;
  /** It attaches further programs. */
  readonly attaches?: boolean;
  /** It ends a command, which may have become another user's. */
  readonly command?: boolean;
  /** The user that it becomes, if it is root. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/**
 * Gives up what this process won't need, for good. COMMAND is started before this, so that it keeps the caller's powers.
 * @throws ToolError if that can't be done
 */
export function dropPowers(needs: Needs): void {
  const { names = false, maps = false, makesMaps = false, attaches = false, command = false, user } = needs;
  dropPrivileges({
    capabilities: [
      ...(names ? [CAPABILITY.SYS_PTRACE, CAPABILITY.DAC_READ_SEARCH] : []),
      ...(makesMaps ? [CAPABILITY.BPF] : []),
      ...(attaches ? [CAPABILITY.BPF, CAPABILITY.PERFMON] : []),
      ...(command ? [CAPABILITY.KILL] : []),
    ],
    maps,
    ...(user && process.geteuid?.() === 0 ? { user } : {}),
  });
}
