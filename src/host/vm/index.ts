// SPDX-License-Identifier: MIT
// Which VM a process is: its name from /proc, told apart from others by process id and start time.
import { readText } from "../read";
import { type NameSource, nameInCommandLine, uuidInCommandLine } from "./command-line";
import { commandLineOf, executableOf, hasVm } from "./process";

export { nameMatcher } from "./glob";
export { type Named, vmMatcher } from "./matcher";
export { type VmProcesses, hasVm, isVmFile, processOf, runsVm, vmProcesses } from "./process";
export type { NameSource } from "./command-line";

/** A virtual machine: the process that runs it. Two are the same only if both pid and start time are. */
export interface Vm {
  readonly pid: number;
  /** Start of the process, in ns since boot. */
  readonly startNs: number;
  /** As its VMM was told, or the process's name. Chosen by others: make it safe before printing it. */
  readonly name: string;
  readonly source: NameSource;
  /** As its VMM was told, if it was. */
  readonly uuid?: string;
}

// USER_HZ, the unit of times in /proc, is 100 on all architectures with KVM.
const TICK_NS = 1e7;
const MAX_CACHED = 8192;

/**
 * What the VMM `pid` was told to call the VM that it runs now; "" if it was told no name, or runs none.
 * @param root folder that takes the place of /
 */
export function toldNameOfVm(pid: number, root = ""): string {
  if (hasVm(pid, root) === false) return "";
  return nameInCommandLine(commandLineOf(pid, root), () => executableOf(pid, root))?.name ?? "";
}

/**
 * What the VM that process `pid` runs now is called: as its VMM was told, or as the process; "" if it runs none.
 * @param root folder that takes the place of /
 */
export function nameOfVm(pid: number, root = ""): string {
  const told = toldNameOfVm(pid, root);
  if (told !== "") return told;
  // Of a process whose files may not be looked at, only a VMM's command line shows that it runs a VM.
  return hasVm(pid, root) ? readText(`${root}/proc/${pid}/comm`).replace(/\n$/, "") : "";
}

/** Field 22 of /proc/PID/stat, in ticks since boot; the second field, in parentheses, may hold anything. */
function startTicks(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

/**
 * Names the VM that the process `pid`, started `startNs` after boot, runs or ran.
 * @param comm the process's name as the kernel knew it: the VM's name when the process is gone, or names no VM
 * @param root folder that takes the place of /
 */
export function vmOf(pid: number, startNs: number, comm: string, root = ""): Vm {
  const commandLine = commandLineOf(pid, root);
  // Read afterwards: if the process still is the one meant, the command line was its own.
  const same = runsStill(pid, startNs, root);
  const executable = () => executableOf(pid, root);
  const found = same ? nameInCommandLine(commandLine, executable) : undefined;
  const uuid = same ? uuidInCommandLine(commandLine, executable) : undefined;
  return {
    pid,
    startNs,
    ...(found ?? { name: comm, source: same ? "process" : "ended" }),
    ...(uuid === undefined ? {} : { uuid }),
  };
}

/**
 * Names the VM that the process `pid` runs now.
 * @param root folder taken as /
 */
export function vmOfProcess(pid: number, root = ""): Vm {
  const startNs = startTicks(readText(`${root}/proc/${pid}/stat`)) * TICK_NS;
  return vmOf(pid, startNs, readText(`${root}/proc/${pid}/comm`).trim(), root);
}

/**
 * Whether the process `pid` that started `startNs` after boot is still there.
 * @param root folder that takes the place of /
 */
export function runsStill(pid: number, startNs: number, root = ""): boolean {
  // Numbers beyond 2^53 ns (104 days) are rounded, which can move one over the edge of a tick.
  const ticks = startTicks(readText(`${root}/proc/${pid}/stat`));
  return Math.abs(ticks - Math.floor(startNs / TICK_NS)) <= 1;
}

/** Remembers VMs, so that one that ended keeps its name: the same VM is the same object. */
export class VmNames {
  readonly #root: string;
  readonly #known = new Map<string, Vm>();
  #late = 0;

  constructor(root = "") {
    this.#root = root;
  }

  /** How many VMs ended before their names were read. */
  get late(): number {
    return this.#late;
  }

  /** As vmOf(), which looks only once. */
  of(pid: number, startNs: number, comm: string): Vm {
    const key = `${pid} ${startNs}`;
    let vm = this.#known.get(key);
    if (!vm) {
      vm = vmOf(pid, startNs, comm, this.#root);
      if (vm.source === "ended") this.#late++;
      this.#known.set(key, vm);
      const [oldest] = this.#known.keys();
      if (this.#known.size > MAX_CACHED && oldest !== undefined) this.#known.delete(oldest);
    }
    return vm;
  }
}

/**
 * What to call VMs in a table, in their order: by name, with the pid where another has the same name, and with the
 * seconds from boot to its start where another had that pid, too.
 */
export function vmDisplayNames(vms: readonly Vm[]): string[] {
  const withPid = (vm: Vm) => `${vm.name} (${vm.pid})`;
  const times = (texts: readonly string[]) => {
    const count = new Map<string, number>();
    for (const text of texts) count.set(text, (count.get(text) ?? 0) + 1);
    return count;
  };
  const names = times(vms.map((vm) => vm.name));
  const pids = times(vms.map(withPid));
  return vms.map((vm) => {
    if (names.get(vm.name) === 1) return vm.name;
    if (pids.get(withPid(vm)) === 1) return withPid(vm);
    return `${vm.name} (${vm.pid}, ${(vm.startNs / 1e9).toFixed(2)} s)`;
  });
}
