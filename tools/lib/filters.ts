// SPDX-License-Identifier: MIT
// What a user wants to see of a trace: reasons, VMs, vCPUs; and what to say where that is nothing.
import { requireHostPids } from "../../src/host/pid-namespace";
import { runsVm } from "../../src/host/vm";
import { quoted } from "../../src/text";
import type { FilterOptions } from "./options";
import { diagnose } from "./output";

/**
 * Says which of the processes to trace run no VM yet.
 * @throws ToolError if one isn't there, or processes can't be chosen here
 */
export function checkProcesses({ pid: pids = [], vm }: Pick<FilterOptions, "pid" | "vm">): void {
  if (pids.length > 0) requireHostPids("--pid");
  if (vm !== undefined) requireHostPids("--vm");
  for (const pid of pids)
    if (!runsVm(pid)) diagnose(`Process ${pid} runs no VM now; its exits count as soon as it does.`);
}

/**
 * How many VMs have their programs' names; undefined if none.
 * @param byName whether VMs are chosen by name, which these may have been
 */
export function lateNames(count: number, byName: boolean): string | undefined {
  if (count === 0) return undefined;
  const them =
    count === 1
      ? "1 VM ended before its name was read: it has its"
      : `${count} VMs ended before their names were read: they have their`;
  return `${them} program's name${byName ? ", and --vm may have left their exits out" : ""}.`;
}

/**
 * Why nothing was shown.
 * @param others names of VMs that had exits and aren't those asked for
 */
export function whyNothing(options: FilterOptions, others: readonly string[]): string {
  if (options.vm !== undefined && others.length > 0)
    return `There were no exits of VMs called ${quoted(options.vm)}; there were of ${others.map(quoted).join(", ")}.`;
  const { pid, vm, vcpu, reasons, excludes } = options;
  const asked = [
    ...(pid ? ["of these processes"] : []),
    ...(vm === undefined ? [] : ["of VMs of this name"]),
    ...(vcpu ? ["of these vCPUs"] : []),
    ...(reasons === undefined ? [] : ["of these reasons"]),
    ...(excludes === undefined ? [] : ["but those left out"]),
  ];
  return asked.length > 0
    ? `There were no exits ${asked.join(", ")}.`
    : "There were no exits; is a VM running?";
}
