// Counts from KVM's folder in debugfs, where each VM has a folder PID-FD of counters.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { keyOf, type Count, type Counts } from "./keys";
import { wantedFields, type FieldFilter, type Provider } from "./provider";

/** Times, not events. */
const EXEMPT = new Set(["halt_poll_fail_ns", "halt_poll_success_ns", "halt_wait_ns"]);

/** s390 counts each emulated instruction apart, and all of them in exit_instruction. */
function parentOfField(field: string): string | undefined {
  return field.startsWith("instruction_") ? "exit_instruction" : undefined;
}

/** One VM's counters: where they began to count for us, and what they were at the last read. */
interface Counter {
  baseline: number;
  previous: number;
}

export interface DebugfsSource {
  /** KVM's folder in debugfs. */
  folder: string;
  /** The process that a process's or thread's id belongs to. */
  processOf: (id: number) => number;
  /** Count what happened before the start too. */
  includePast: boolean;
}

export class DebugfsProvider implements Provider {
  readonly knowsGuests = true;
  #fields: Set<string>;
  readonly #counters = new Map<string, Counter>();
  /** Inodes of the VMs' folders: a process that ends a VM and starts one has the same folder, made again. */
  #inodes = new Map<string, number>();
  /** What the last VMs counted that were there. */
  #last: { byGuest: boolean; counts: Counts } | undefined;
  readonly #source: DebugfsSource;
  #pid: number;

  constructor(source: DebugfsSource, wanted: FieldFilter, pid: number) {
    this.#source = source;
    this.#pid = pid;

    this.#fields = this.#wanted(wanted);
    this.#sight(source.includePast);
  }

  #wanted(wanted: FieldFilter): Set<string> {
    const files = this.#entries(this.#source.folder, false).filter((name) => !EXEMPT.has(name));
    return wantedFields(files, wanted, parentOfField);
  }

  /** The files or folders in a folder; none if it is gone, with its VM or with KVM's modules. */
  #entries(folder: string, folders: boolean): string[] {
    try {
      const entries = readdirSync(folder, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory() === folders).map((entry) => entry.name);
    } catch {
      return [];
    }
  }

  /** The folders of all VMs, with their inodes. */
  #machines(): Map<string, number> {
    const machines = new Map<string, number>();
    for (const name of this.#entries(this.#source.folder, true)) {
      if (!/^\d+-/.test(name)) continue;
      const found = statSync(`${this.#source.folder}/${name}`, { throwIfNoEntry: false });
      if (found) machines.set(name, found.ino);
    }
    return machines;
  }

  /** A counter's value; undefined if the VM is gone or counts no such thing. */
  #value(machine: string, field: string): number | undefined {
    try {
      const text = readFileSync(`${this.#source.folder}/${machine}/${field}`, "utf8").trim();
      return /^-?\d+$/.test(text) ? Number(text) : undefined;
    } catch {
      return undefined;
    }
  }

  /** A counter's count. At its first sight a counter begins at 0, or where it stands if `from` says so. */
  #count(machine: string, field: string, from: "birth" | "now"): Count {
    const now = this.#value(machine, field);
    const path = `${machine}/${field}`;
    const known = this.#counters.get(path);
    // A VM that ends while it is read keeps what it had, so that its last totals are whole.
    if (now === undefined) return { value: known ? known.previous - known.baseline : 0, delta: 0 };
    const start = from === "birth" ? 0 : now;
    const counter = known ?? { baseline: start, previous: start };
    this.#counters.set(path, { baseline: counter.baseline, previous: now });
    return { value: now - counter.baseline, delta: now - counter.previous };
  }

  /** Meets the VMs there are, so that only those that appear later count from their birth. */
  #sight(includePast: boolean): void {
    if (includePast) return;
    for (const machine of this.#selected())
      for (const field of this.#fields) this.#count(machine, field, "now");
  }

  /** The VMs to count. Counters of VMs that ended are dropped: a later one may have the same folder. */
  #selected(): string[] {
    const machines = this.#machines();
    for (const path of this.#counters.keys()) {
      const machine = path.slice(0, path.indexOf("/"));
      if (machines.get(machine) !== this.#inodes.get(machine)) this.#counters.delete(path);
    }
    this.#inodes = machines;
    const wanted = this.#pid === 0 ? undefined : this.#source.processOf(this.#pid);
    return [...machines.keys()].filter((name) => wanted === undefined || Number.parseInt(name) === wanted);
  }

  read(byGuest: boolean): Counts {
    const machines = this.#selected();
    // A process that is followed ends after its VM: its last totals stay.
    if (this.#pid !== 0 && machines.length === 0 && this.#last?.byGuest === byGuest)
      return new Map(Array.from(this.#last.counts, ([key, { value }]) => [key, { value, delta: 0 }]));
    const counts = this.#sum(machines, byGuest);
    this.#last = machines.length === 0 ? undefined : { byGuest, counts };
    return counts;
  }

  #sum(machines: readonly string[], byGuest: boolean): Counts {
    const counts = new Map<string, Count>();
    if (!byGuest)
      for (const field of this.#fields)
        counts.set(keyOf(field, parentOfField(field)), { value: 0, delta: 0 });
    for (const machine of machines)
      for (const field of this.#fields) {
        const { value, delta } = this.#count(machine, field, "birth");
        const parent = parentOfField(field);
        // A parent has its children's events in it already.
        if (byGuest && parent !== undefined) continue;
        const key = byGuest ? machine.slice(0, machine.indexOf("-")) : keyOf(field, parent);
        const sum = counts.get(key) ?? { value: 0, delta: 0 };
        counts.set(key, { value: sum.value + value, delta: sum.delta + delta });
      }
    return counts;
  }

  /** Totals go on, those of fields that come back too; what counts since the last read begins again. */
  setFilter(wanted: FieldFilter): void {
    this.#fields = this.#wanted(wanted);
    this.#last = undefined;
    const from = this.#source.includePast ? "birth" : "now";
    for (const machine of this.#selected())
      for (const field of this.#fields) this.#count(machine, field, from);
  }

  /** Totals go on: a VM that was counted before keeps what it has. */
  setPid(pid: number): void {
    this.#pid = pid;
    this.#last = undefined;
    this.#sight(this.#source.includePast);
  }

  reset(): void {
    this.#counters.clear();
    this.#last = undefined;
    this.#sight(false);
  }

  losses(): string[] {
    return [];
  }

  close(): void {
    this.#counters.clear();
  }
}
