// SPDX-License-Identifier: MIT
// Counts from KVM's folder in debugfs: of all VMs, of one process's, or by guest.
import { ToolError } from "../errors";
import { DebugfsFiles, parseMachine, type Value } from "./debugfs-files";
import { keyOf, type Count, type Counts } from "./keys";
import { Owners, type ProcessLookup } from "./owners";
import { wantedFields, type FieldFilter, type Provider } from "./provider";
import { Remainder, type Values } from "./remainder";

/** s390 counts each emulated instruction apart, and all of them in exit_instruction. */
function parentOfField(field: string): string | undefined {
  return field.startsWith("instruction_") ? "exit_instruction" : undefined;
}

/** One VM's counter: where it began to count for us, and what it was at the last read. */
interface Counter {
  readonly baseline: number;
  readonly previous: number;
}

/** A counter's count, and its value. */
interface Reading extends Count {
  readonly now: number;
}

/** What shows that there are VMs without a folder, whatever is counted: each VM that runs has some. */
const PROBE = "exits";

const NOTHING: Reading = { value: 0, delta: 0, now: 0 };

export interface DebugfsSource {
  /** KVM's folder in debugfs. */
  readonly folder: string;
  readonly processes: ProcessLookup;
  /** Count what happened before the start too. */
  readonly includePast: boolean;
  /** What keeps counters from being read, as far as it is known: "kernel lockdown forbids it". */
  readonly obstacle: string;
  /** Whether nothing else is counted: then a counter that can't be read is an error, else it is left out. */
  readonly isAlone: boolean;
}

export class DebugfsProvider implements Provider {
  readonly knowsGuests = true;
  readonly impossible: ReadonlySet<string> = new Set();
  readonly #source: DebugfsSource;
  readonly #files: DebugfsFiles;
  readonly #owners: Owners;
  readonly #remainder = new Remainder();
  #fields: Set<string>;
  /** Fields that can't be read. */
  readonly #closed = new Set<string>();
  /** By folder and field. */
  readonly #counters = new Map<string, Counter>();
  /** The VMs' folders at the last read, with their inodes. */
  #machines: ReadonlyMap<string, number> = new Map();
  /** What the last VMs counted that were there. */
  #last: { readonly byGuest: boolean; readonly counts: Counts } | undefined;
  #pid: number;
  /** Whether the process that is followed runs a VM which has no folder. */
  #isFolderless = false;
  /** Whether VMs without a folder were met while only VMs with folders were counted. */
  #areOthers = false;

  /** @throws ToolError if nothing else is counted, and a wanted counter can't be read */
  constructor(source: DebugfsSource, wanted: FieldFilter, pid: number) {
    this.#source = source;
    this.#pid = pid;
    this.#files = new DebugfsFiles(source.folder);
    this.#owners = new Owners(source.processes);
    this.#fields = this.#wanted(wanted);
    this.#sight(source.includePast);
  }

  /** The fields to count. KVM's own sums have the same modes as the VMs' counters: what can't be read shows in them. */
  #wanted(wanted: FieldFilter): Set<string> {
    const fields = wantedFields(this.#files.fields, wanted, parentOfField);
    this.#close([...fields].filter((field) => this.#files.value("", field) === "closed"));
    return new Set([...fields].filter((field) => !this.#closed.has(field)));
  }

  #close(fields: readonly string[]): void {
    for (const field of fields) this.#closed.add(field);
    if (fields.length > 0 && this.#source.isAlone)
      throw new ToolError(
        `${this.#closedFields}${this.#source.obstacle}; count tracepoints instead (-t), or other fields (-f)`,
      );
  }

  get #closedFields(): string {
    const [first = ""] = this.#closed;
    const { size } = this.#closed;
    return `${size === 1 ? `${first} in debugfs` : `${size} counters in debugfs, such as ${first},`} can't be read`;
  }

  /** A value as a number; a field that turns out to be closed is left out from now on. */
  #number(field: string, value: Value): number | undefined {
    if (typeof value === "number") return value;
    if (value === "closed") {
      this.#fields.delete(field);
      this.#close([field]);
    }
    return undefined;
  }

  /** KVM's sums of all fields. */
  #sums(): Values {
    const sums = new Map<string, number>();
    for (const field of [...this.#fields]) {
      const sum = this.#number(field, this.#files.value("", field));
      if (sum !== undefined) sums.set(field, sum);
    }
    return sums;
  }

  /** A counter's count. At its first sight a counter begins at 0, or at what it is now if `from` says so. */
  #count(machine: string, field: string, from: "birth" | "now"): Reading {
    const now = this.#number(field, this.#files.value(machine, field));
    const path = `${machine}/${field}`;
    const known = this.#counters.get(path);
    // A VM that ends while it is read keeps what it had, so that its last totals are whole.
    if (now === undefined) return known ? { ...NOTHING, value: known.previous - known.baseline } : NOTHING;
    const start = from === "birth" ? 0 : now;
    const counter = known ?? { baseline: start, previous: start };
    this.#counters.set(path, { baseline: counter.baseline, previous: now });
    return { value: now - counter.baseline, delta: now - counter.previous, now };
  }

  /** Meets the VMs there are, so that only those that appear later count from their birth. */
  #sight(includePast: boolean): void {
    if (!includePast) this.#readMachines("now");
  }

  /** The VMs to count. Counters of VMs that ended are dropped: a later one may have the same folder. */
  #selected(byGuest: boolean): {
    machines: string[];
    owners: ReadonlyMap<string, number>;
    hasEnded: boolean;
  } {
    const machines = this.#files.machines();
    for (const path of this.#counters.keys()) {
      const machine = path.slice(0, path.indexOf("/"));
      if (machines.get(machine) !== this.#machines.get(machine)) this.#counters.delete(path);
    }
    const hasEnded = this.#isWithout(machines);
    this.#machines = machines;
    // A search through all processes may be needed for them.
    const owners = this.#pid !== 0 || byGuest ? this.#owners.of(machines) : new Map<string, number>();
    const wanted = this.#pid === 0 ? undefined : (this.#source.processes.processOf(this.#pid) ?? this.#pid);
    const selected = [...machines.keys()].filter(
      (name) => wanted === undefined || owners.get(name) === wanted,
    );
    return { machines: selected, owners, hasEnded };
  }

  /** Whether a VM of the last read is gone. */
  #isWithout(machines: ReadonlyMap<string, number>): boolean {
    return [...this.#machines].some(([name, inode]) => machines.get(name) !== inode);
  }

  /** Looks whether there are VMs without a folder, which may be the process's or guest's that is shown. */
  #seekOthers(): void {
    if (this.#areOthers) return;
    const sum = this.#files.value("", PROBE);
    const values = Array.from(this.#machines.keys(), (machine) => this.#files.value(machine, PROBE));
    const ofFolders = values.reduce<number>((all, value) => all + (typeof value === "number" ? value : 0), 0);
    this.#areOthers = typeof sum === "number" && sum > ofFolders && !this.#isWithout(this.#files.machines());
  }

  /** Reads all selected VMs. The counts are by key: of fields, or of guests by their processes' ids. */
  #readMachines(from: "birth" | "now", byGuest = false): { counts: Counts; isEmpty: boolean } {
    const { machines, owners, hasEnded } = this.#selected(byGuest);
    const isWhole = this.#pid === 0 && !byGuest;
    const before = isWhole ? this.#sums() : new Map<string, number>();
    const values = new Map<string, number>();
    const counts = new Map<string, Count>();
    const add = (key: string, { value, delta }: Count): void => {
      const sum = counts.get(key) ?? { value: 0, delta: 0 };
      counts.set(key, { value: sum.value + value, delta: sum.delta + delta });
    };
    for (const machine of machines)
      for (const field of [...this.#fields]) {
        const count = this.#count(machine, field, from);
        values.set(field, (values.get(field) ?? 0) + count.now);
        const parent = parentOfField(field);
        if (!byGuest) add(keyOf(field, parent), count);
        // A parent has its children's events in it already.
        else if (parent === undefined)
          add(String(owners.get(machine) ?? parseMachine(machine).thread), count);
      }
    if (!isWhole && !hasEnded) this.#seekOthers();
    if (isWhole) {
      if (hasEnded || this.#isWithout(this.#files.machines())) this.#remainder.skip();
      else this.#remainder.update(before, values, () => this.#sums(), from);
    }
    if (byGuest) return { counts, isEmpty: machines.length === 0 };
    const all = Array.from(this.#fields, (field) => keyOf(field, parentOfField(field)));
    if (isWhole)
      for (const field of this.#fields) add(keyOf(field, parentOfField(field)), this.#remainder.count(field));
    return {
      counts: new Map(all.map((key) => [key, counts.get(key) ?? { value: 0, delta: 0 }])),
      isEmpty: machines.length === 0 && !this.#remainder.isThere,
    };
  }

  read(byGuest: boolean): Counts {
    const { counts, isEmpty } = this.#readMachines("birth", byGuest);
    this.#isFolderless = isEmpty && this.#pid !== 0 && (this.#source.processes.runsVm(this.#pid) ?? false);
    if (this.#isFolderless) return new Map();
    // A process that is followed ends after its VM: its last totals stay.
    if (this.#pid !== 0 && isEmpty && this.#last?.byGuest === byGuest)
      return new Map(Array.from(this.#last.counts, ([key, { value }]) => [key, { value, delta: 0 }]));
    this.#last = isEmpty ? undefined : { byGuest, counts };
    return counts;
  }

  /** Totals go on, those of fields that come back too; what counts since the last read begins again. */
  setFilter(wanted: FieldFilter): void {
    this.#fields = this.#wanted(wanted);
    this.#last = undefined;
    this.#readMachines(this.#source.includePast ? "birth" : "now");
  }

  /** Totals go on: a VM that was counted before keeps what it has. */
  setPid(pid: number): void {
    this.#pid = pid;
    this.#last = undefined;
    this.#sight(this.#source.includePast);
  }

  reset(): void {
    this.#counters.clear();
    this.#remainder.clear();
    this.#last = undefined;
    this.#sight(false);
  }

  losses(): string[] {
    const lines: string[] = [];
    if (this.#closed.size > 0) lines.push(`${this.#closedFields}, and are left out${this.#source.obstacle}`);
    if (this.#isFolderless)
      lines.push(`process ${this.#pid} runs a VM that has no folder in debugfs, which is not counted`);
    if (this.#remainder.isThere || this.#areOthers)
      lines.push(
        "VMs without a folder in debugfs count in the sum of all VMs, and not in that of a process or guest",
      );
    return lines;
  }

  close(): void {
    this.#counters.clear();
  }
}
