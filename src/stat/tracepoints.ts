// SPDX-License-Identifier: MIT
// Counts from KVM's tracepoints: an event's own count, and its reasons as its children.
import type { Counters } from "../native/stat";
import type { Isa } from "../reasons";
import { CHILD_KINDS, childName, childNames, impossibleNames, type ChildKind } from "../reasons/kvm-stat";
import { keyOf, tracepointParent, type Counts } from "./keys";
import { wantedFields, type FieldFilter, type Provider } from "./provider";

const EXIT = "kvm_exit";
const USERSPACE_EXIT = "kvm_userspace_exit";

function parentOfKind(kind: ChildKind): string {
  return kind === "userspace" ? USERSPACE_EXIT : EXIT;
}

/** The events by index as the counters want them, from the folders in tracefs's events/kvm. */
export function indexedEvents(folders: readonly string[]): string[] {
  return [EXIT, USERSPACE_EXIT, ...folders.filter((name) => name !== EXIT && name !== USERSPACE_EXIT).sort()];
}

/** What the provider asks of the kernel and of the machine. */
export interface TracepointSource {
  /** Opened with `events`. */
  counters: Counters;
  events: readonly string[];
  /** The events that this kernel has: `events` names two that it may lack. */
  present: ReadonlySet<string>;
  /** The instruction set of kvm_exit's reasons; undefined where they have no names. */
  kind: Isa | undefined;
  /** The process that a process's or thread's id belongs to. */
  processOf: (id: number) => number;
}

export class TracepointProvider implements Provider {
  readonly knowsGuests = false;
  readonly impossible: ReadonlySet<string>;
  #fields = new Set<string>();
  #unattached: string[] = [];
  /** Counts by field at the last reset, and at the last read. */
  #baseline = new Map<string, number>();
  #previous = new Map<string, number>();
  readonly #source: TracepointSource;
  #wanted: FieldFilter;

  constructor(source: TracepointSource, wanted: FieldFilter, pid: number) {
    this.#source = source;
    this.#wanted = wanted;
    this.impossible = new Set(
      (source.kind ? impossibleNames(source.kind) : []).map(
        (name) => `${USERSPACE_EXIT}(${name}) ${USERSPACE_EXIT}`,
      ),
    );

    this.setPid(pid);
    this.setFilter(wanted);
  }

  /** All events and the reasons that have names. */
  #available(): string[] {
    const kinds: ChildKind[] = this.#source.kind ? [this.#source.kind, "userspace"] : ["userspace"];
    const children = kinds.flatMap((kind) =>
      childNames(kind).map((name) => `${parentOfKind(kind)}(${name})`),
    );
    return [
      ...this.#source.present,
      ...children.filter((child) => this.#source.present.has(tracepointParent(child) ?? "")),
    ];
  }

  /** Cumulative counts of all fields that counted anything, wanted or not. */
  #totals(): Map<string, number> {
    const snapshot = this.#source.counters.snapshot();
    const totals = new Map<string, number>();
    this.#source.events.forEach((name, index) => totals.set(name, snapshot.events[index] ?? 0));
    const { kind, reason, count } = snapshot.children;
    kind.forEach((code, row) => {
      const name = CHILD_KINDS.get(code);
      if (name === undefined) return;
      const field = `${parentOfKind(name)}(${childName(name, reason[row] ?? 0)})`;
      totals.set(field, (totals.get(field) ?? 0) + (count[row] ?? 0));
    });
    return totals;
  }

  read(): Counts {
    const totals = this.#totals();
    // A reason without a name has a field from the first time on that it is seen.
    for (const field of totals.keys())
      if (this.#fields.has(tracepointParent(field) ?? "") && this.#wanted(field)) this.#fields.add(field);
    const counts = new Map(
      Array.from(this.#fields, (field) => {
        const total = totals.get(field) ?? 0;
        const value = total - (this.#baseline.get(field) ?? 0);
        return [
          keyOf(field, tracepointParent(field)),
          { value, delta: total - (this.#previous.get(field) ?? 0) },
        ];
      }),
    );
    this.#previous = totals;
    return counts;
  }

  setFilter(wanted: FieldFilter): void {
    this.#wanted = wanted;
    this.#fields = wantedFields(this.#available(), wanted, tracepointParent);
    const indices = this.#source.events.flatMap((name, index) => (this.#fields.has(name) ? [index] : []));
    const failures = Object.entries(this.#source.counters.attach(indices));
    this.#unattached = failures.map(([index, why]) => {
      const name = this.#source.events[Number(index)] ?? "";
      this.#fields.delete(name);
      return `kvm:${name} is not counted: ${why}`;
    });
    this.reset();
  }

  /** Another process's events count from zero. A thread's id means its process: all of its threads count. */
  setPid(pid: number): void {
    this.#source.counters.filter(pid === 0 ? 0 : this.#source.processOf(pid));
    this.reset();
  }

  reset(): void {
    this.#baseline = this.#totals();
    this.#previous = this.#baseline;
  }

  losses(): string[] {
    const { unplaced, missedEvents } = this.#source.counters.snapshot();
    return [
      ...this.#unattached,
      ...(unplaced > 0 ? [`${unplaced} exits are counted without their reason`] : []),
      ...(missedEvents > 0
        ? [`${missedEvents} events are not counted: they came while others were, of this process or another`]
        : []),
    ];
  }

  close(): void {
    this.#source.counters.close();
  }
}
