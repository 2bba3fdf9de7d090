// SPDX-License-Identifier: MIT
// What a process is to a user who wants to trace it: none at all, a thread of another, one that runs a VM or not.
import { readlinkSync } from "node:fs";
import { ToolError } from "../../errors";
import { listFolder, readStateOf, readText } from "../read";

// A process has as many open files as it likes. VMMs open their VMs' among the first.
const MAX_FILES = 1024;
const MAX_THREADS = 64;
// A process chooses how long its command line is (PR_SET_MM_MAP); VMMs' are some 10 KiB.
const MAX_COMMAND_LINE = 2 ** 17;

const VM = /^anon_inode:kvm-vm$/;
const VM_OR_VCPU = /^anon_inode:kvm-v/;

/** The process that thread or process `id` belongs to; undefined if there is none. */
export function processOf(id: number, root = ""): number | undefined {
  const [, group] = /^Tgid:\t(\d+)$/m.exec(readText(`${root}/proc/${id}/status`)) ?? [];
  return group === undefined ? undefined : Number(group);
}

/** Folders that show what a process has: its own, and those of its threads, since its first thread may have ended. */
function* foldersOf(pid: number, root: string): Generator<string, void> {
  const own = `${root}/proc/${pid}`;
  yield own;
  for (const thread of listFolder(`${own}/task`, MAX_THREADS).names)
    if (thread !== String(pid)) yield `${own}/task/${thread}`;
}

/** A process's command line, of which NUL ends each parameter; "" if it is gone or has none. */
export function commandLineOf(pid: number, root = ""): string {
  for (const folder of foldersOf(pid, root)) {
    const line = readText(`${folder}/cmdline`, MAX_COMMAND_LINE);
    if (line !== "") return line;
  }
  return "";
}

/** The file of the program that a process runs, "" if that can't be seen. */
export function executableOf(pid: number, root = ""): string {
  for (const folder of foldersOf(pid, root))
    try {
      return readlinkSync(`${folder}/exe`);
    } catch {
      // Of a thread that has ended.
    }
  return "";
}

/** Whether a process has files of a VM or a vCPU open; undefined if its files may not be looked at. */
export function hasVm(pid: number, root = ""): boolean | undefined {
  for (const folder of foldersOf(pid, root)) {
    const { state, names } = listFolder(`${folder}/fd`, MAX_FILES);
    if (state === "denied") return undefined;
    let isDenied = false;
    for (const name of names)
      try {
        if (VM_OR_VCPU.test(readlinkSync(`${folder}/fd/${name}`))) return true;
      } catch (error) {
        // Without CAP_SYS_PTRACE; any other error is of a file that was closed meanwhile.
        isDenied ||= readStateOf(error) === "denied";
      }
    if (isDenied) return undefined;
    // Of a thread that has ended, the folder is empty.
    if (names.length > 0) return false;
  }
  return false;
}

/** Whether a process has a VM open under this file descriptor; false if that can't be seen. */
export function isVmFile(pid: number, file: number, root = ""): boolean {
  for (const folder of foldersOf(pid, root))
    try {
      return VM.test(readlinkSync(`${folder}/fd/${file}`));
    } catch {
      // Of a thread that has ended, the folder is empty.
      if (listFolder(`${folder}/fd`, 1).names.length > 0) return false;
    }
  return false;
}

/** The processes that run VMs now. */
export interface VmProcesses {
  readonly pids: readonly number[];
  /** Whether other processes may not be looked at, so that there may be more. */
  readonly isPartial: boolean;
}

// More than 64 CPUs have by default (pid_max is 1,024 for each): of a host with more, a part is looked at.
const MAX_PROCESSES = 2 ** 16;

/** @param root folder that takes the place of / */
export function vmProcesses(root = ""): VmProcesses {
  const { names, isWhole } = listFolder(`${root}/proc`, MAX_PROCESSES);
  const looked = names
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), hasVm(Number(name), root)] as const);
  return {
    pids: looked.filter(([, has]) => has === true).map(([pid]) => pid),
    isPartial: !isWhole || looked.some(([, has]) => has === undefined),
  };
}

/**
 * Whether a process runs a VM now; true also if its files may not be looked at.
 * @param root folder that takes the place of /
 * @throws ToolError if there is no such process, or it is a thread of another
 */
export function runsVm(pid: number, root = ""): boolean {
  const group = processOf(pid, root);
  if (group === undefined)
    throw new ToolError(`there is no process ${pid}; kvm-vmexit-count --by vm shows those that run VMs`);
  if (group !== pid) throw new ToolError(`${pid} is a thread of process ${group}; give --pid ${group}`);
  return hasVm(pid, root) ?? true;
}
