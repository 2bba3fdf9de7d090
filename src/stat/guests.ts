// Guests by name: the processes whose command line has QEMU's -name, and what it calls them.
import { readdirSync, statSync } from "node:fs";
import { requireHostPids } from "../host/pid-namespace";
import { readText } from "../host/read";
import { MAX_COMMAND_LINE } from "../host/vm";

/** A process that runs a guest. */
export interface Guest {
  pid: number;
  name: string;
}

/** The guest's name in a QEMU command line, "" if it has none. A bare name goes before `guest=`; `,,` is a comma. */
export function nameInCommandLine(line: readonly string[]): string {
  const at = line.indexOf("-name");
  const value = at < 0 ? undefined : line[at + 1];
  if (value === undefined) return "";
  const parameters = (value.match(/(?:[^,]|,,)+/g) ?? []).map((parameter) => parameter.replaceAll(",,", ","));
  const bare = parameters.find((parameter) => parameter !== "" && !parameter.includes("="));
  return (
    bare ?? parameters.findLast((parameter) => parameter.startsWith("guest="))?.slice("guest=".length) ?? ""
  );
}

/** What the screen and the options ask of the processes on this machine. */
export class Processes {
  readonly #root: string;
  constructor(root = "/proc") {
    this.#root = root;
  }

  /** The name of the guest that `pid` runs, "" if it runs none or is gone. */
  nameOf(pid: number): string {
    return nameInCommandLine(readText(`${this.#root}/${String(pid)}/cmdline`, MAX_COMMAND_LINE).split("\0"));
  }

  /** All guests with names, by pid. */
  guests(): Guest[] {
    return readdirSync(this.#root)
      .filter((entry) => /^\d+$/.test(entry))
      .map((entry) => ({ pid: Number(entry), name: this.nameOf(Number(entry)) }))
      .filter((guest) => guest.name !== "")
      .sort((a, b) => a.pid - b.pid);
  }

  /** The processes whose guest is called exactly `name`. */
  pidsOf(name: string): number[] {
    return this.guests()
      .filter((guest) => guest.name === name)
      .map((guest) => guest.pid);
  }

  isRunning(pid: number): boolean {
    return statSync(`${this.#root}/${String(pid)}`, { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  /** The process that thread or process `id` belongs to; `id` itself if it is gone. */
  processOf(id: number): number {
    const status = readText(`${this.#root}/${String(id)}/status`);
    return Number(/^Tgid:\t(\d+)$/m.exec(status)?.[1] ?? id);
  }
}

/** Where process ids aren't those of KVM's programs: nobody can be followed, which whoever asks for it is told. */
export class ForeignProcesses extends Processes {
  override nameOf(): string {
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
