// SPDX-License-Identifier: MIT
// Whose VM a folder in debugfs is: KVM names it by the thread that made the VM.
import { parseMachine } from "./debugfs-files";

/** What is asked of the processes on this machine. */
export interface ProcessLookup {
  /** The process of a process's or thread's id; undefined if it is gone. */
  processOf(id: number): number | undefined;
  /** The processes that have a VM open under this file descriptor. */
  havingVm(file: number): readonly number[];
  /** Whether a process runs a VM now; undefined if that can't be seen. */
  runsVm(pid: number): boolean | undefined;
}

export class Owners {
  readonly #processes: ProcessLookup;
  /** By folder; with its inode, since another VM may get a folder of the same name. */
  readonly #known = new Map<string, { readonly inode: number; readonly pid: number }>();

  constructor(processes: ProcessLookup) {
    this.#processes = processes;
  }

  /**
   * The processes that run the VMs of these folders.
   * @param machines folders with their inodes
   * @returns by folder; without those that no process, or more than one, may have
   */
  of(machines: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    for (const [folder, { inode }] of this.#known)
      if (machines.get(folder) !== inode) this.#known.delete(folder);
    const orphans: string[] = [];
    for (const [folder, inode] of machines) {
      if (this.#known.has(folder)) continue;
      const pid = this.#processes.processOf(parseMachine(folder).thread);
      // The thread has ended, and its id is another's.
      const isAnothers = pid !== undefined && this.#processes.runsVm(pid) === false;
      if (pid === undefined || isAnothers) orphans.push(folder);
      else this.#known.set(folder, { inode, pid });
    }
    for (const folder of orphans) {
      const pid = this.#havingOnly(folder);
      if (pid !== undefined) this.#known.set(folder, { inode: machines.get(folder) ?? 0, pid });
    }
    return new Map(Array.from(this.#known, ([folder, { pid }]) => [folder, pid]));
  }

  /** The one process that has a VM under the folder's file descriptor, and no other folder for it. */
  #havingOnly(folder: string): number | undefined {
    const { file } = parseMachine(folder);
    const taken = new Set(
      Array.from(this.#known)
        .filter(([name]) => parseMachine(name).file === file)
        .map(([, { pid }]) => pid),
    );
    const [pid, ...others] = this.#processes.havingVm(file).filter((having) => !taken.has(having));
    return others.length === 0 ? pid : undefined;
  }
}
