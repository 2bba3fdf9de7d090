// What a process is to a user who wants to trace it: none at all, a thread of another, one that runs a VM or not.
import { readdirSync, readlinkSync } from "node:fs";
import { ToolError } from "../../errors";
import { readText } from "../read";

function threadGroup(pid: number, root: string): number | undefined {
  const [, id] = /^Tgid:\t(\d+)$/m.exec(readText(`${root}/proc/${pid}/status`)) ?? [];
  return id === undefined ? undefined : Number(id);
}

/**
 * Whether a process runs a VM now; true also if its files may not be looked at.
 * @param root folder that stands for /
 * @throws ToolError if there is no such process, or it is a thread of another
 */
export function runsVm(pid: number, root = ""): boolean {
  const group = threadGroup(pid, root);
  if (group === undefined)
    throw new ToolError(`there is no process ${pid}; kvm-vmexit-count --by vm shows those that run VMs`);
  if (group !== pid) throw new ToolError(`${pid} is a thread of process ${group}; give --pid ${group}`);
  const folder = `${root}/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((file) => {
      try {
        return readlinkSync(`${folder}/${file}`).startsWith("anon_inode:kvm-v");
      } catch (error) {
        // Without CAP_SYS_PTRACE: not of a file that was closed meanwhile.
        return (error as NodeJS.ErrnoException).code === "EACCES";
      }
    });
  } catch {
    return true;
  }
}
