// SPDX-License-Identifier: MIT
// What the screen and the options ask of the processes on this machine: those that run VMs, and what these are called.
import { requireHostPids } from "../host/pid-namespace";
import { exists, listFolder } from "../host/read";
import { hasVm, isVmFile, nameOfVm, processOf, toldNameOfVm } from "../host/vm";

/** A process that runs a guest. */
export interface Guest {
  readonly pid: number;
  readonly name: string;
}

// PID_MAX_LIMIT of include/linux/threads.h.
const MAX_PROCESSES = 2 ** 22;

export class Processes {
  readonly #root: string;

  /** @param root folder that takes the place of / */
  constructor(root = "") {
    this.#root = root;
  }

  #pids(): number[] {
    return listFolder(`${this.#root}/proc`, MAX_PROCESSES)
      .names.filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** The name of the guest that `pid` runs, or of its process; "" if it runs none or is gone. */
  nameOf(pid: number): string {
    return nameOfVm(pid, this.#root);
  }

  /** The name that the VMM `pid` was told; "" if it was told none, runs no guest or is gone. */
  toldNameOf(pid: number): string {
    return toldNameOfVm(pid, this.#root);
  }

  /** All guests, by pid. */
  guests(): Guest[] {
    return this.#pids()
      .map((pid) => ({ pid, name: this.nameOf(pid) }))
      .filter((guest) => guest.name !== "");
  }

  /** The processes whose guest is called exactly `name`. */
  pidsOf(name: string): number[] {
    return this.guests()
      .filter((guest) => guest.name === name)
      .map((guest) => guest.pid);
  }

  /** Whether there is a process, or a thread, with this id. */
  isRunning(pid: number): boolean {
    return exists(`${this.#root}/proc/${pid}`);
  }

  /** The process that thread or process `id` belongs to; undefined if it is gone. */
  processOf(id: number): number | undefined {
    return processOf(id, this.#root);
  }

  /** The processes that have a VM open under this file descriptor. */
  havingVm(file: number): number[] {
    return this.#pids().filter((pid) => isVmFile(pid, file, this.#root));
  }

  /** Whether a process runs a VM now; undefined if its files may not be looked at. */
  runsVm(pid: number): boolean | undefined {
    return hasVm(pid, this.#root);
  }
}

/** Where process ids aren't those of KVM's programs: none can be followed, and a request for one is refused. */
export class ForeignProcesses extends Processes {
  override processOf(): undefined {
    return undefined;
  }

  override havingVm(): number[] {
    return [];
  }

  override runsVm(): undefined {
    return undefined;
  }

  override nameOf(): string {
    return "";
  }

  override toldNameOf(): string {
    return "";
  }

  override guests(): Guest[] {
    return [];
  }

  override pidsOf(): number[] {
    requireHostPids("a guest's name");
    return [];
  }

  override isRunning(): boolean {
    requireHostPids("a process");
    return false;
  }
}
