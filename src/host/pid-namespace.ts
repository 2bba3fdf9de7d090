// SPDX-License-Identifier: MIT
// Process ids: KVM's programs and its debugfs have the host's, whatever pid namespace (a container's) this runs in.
import { readlinkSync, statSync } from "node:fs";
import { ToolError } from "../errors";

// PROC_PID_INIT_INO in include/linux/proc_ns.h: the namespace that the machine began with.
const HOST_INODE = 0xeffffffc;

/** Whether process ids are the host's here, and /proc has those: what is mounted there may be another machine's. */
export function hasHostPids(): boolean {
  if (statSync("/proc/self/ns/pid", { throwIfNoEntry: false })?.ino !== HOST_INODE) return false;
  return readlinkSync("/proc/self") === String(process.pid);
}

/**
 * @param option what chooses processes
 * @throws ToolError where process ids aren't the host's
 */
export function requireHostPids(option: string): void {
  if (!hasHostPids())
    throw new ToolError(
      `choosing by ${option} needs the host's process ids, and this runs in a pid namespace; run it on the host, or in a ` +
        "container that shares its pids (--pid=host)",
    );
}
