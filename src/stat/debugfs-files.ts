// SPDX-License-Identifier: MIT
// KVM's folder in debugfs: a file for each counter with the sum of all VMs, and a folder THREAD-FD of counters for each VM.
import { readdirSync, statSync } from "node:fs";
import { readExcerpt } from "../host/read";

/** Times, not events. */
const EXEMPT = new Set(["halt_poll_fail_ns", "halt_poll_success_ns", "halt_wait_ns"]);
// A number of 64 bits and a line break.
const MAX_VALUE = 32;

/** A counter's value. "gone": its VM has ended, or counts no such thing. "closed": it is there and can't be read. */
export type Value = number | "gone" | "closed";

/** A VM's folder, by the file descriptor that the VM has in the process of the thread that made it. */
export interface MachineName {
  readonly thread: number;
  readonly file: number;
}

/** @param folder a VM's folder, `4711-12` */
export function parseMachine(folder: string): MachineName {
  const [thread = 0, file = 0] = folder.split("-").map(Number);
  return { thread, file };
}

export class DebugfsFiles {
  readonly #folder: string;

  /** @param folder KVM's in debugfs */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The files or folders at the top; none if they are gone with KVM's modules. */
  #entries(folders: boolean): string[] {
    try {
      const entries = readdirSync(this.#folder, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory() === folders).map((entry) => entry.name);
    } catch {
      return [];
    }
  }

  /** The names of all counters. */
  get fields(): string[] {
    return this.#entries(false).filter((name) => !EXEMPT.has(name));
  }

  /** The folders of all VMs, with their inodes: a process that ends a VM and starts one has the same folder, made again. */
  machines(): Map<string, number> {
    const machines = new Map<string, number>();
    for (const name of this.#entries(true)) {
      if (!/^\d+-/.test(name)) continue;
      const found = statSync(`${this.#folder}/${name}`, { throwIfNoEntry: false });
      if (found) machines.set(name, found.ino);
    }
    return machines;
  }

  /** A counter's value in a VM, or the sum of all VMs for machine "". */
  value(machine: string, field: string): Value {
    const { state, text } = readExcerpt([this.#folder, machine, field].filter(Boolean).join("/"), MAX_VALUE);
    if (state === "denied" || state === "failed") return "closed";
    return /^-?\d+\n?$/.test(text) ? Number(text) : "gone";
  }
}
