// Readings of all counters of a trace, their differences, and groups of what they hold.
import { checkWord } from "./check";
import { type By, GROUPINGS, Grouping, type Identity } from "./grouping";
import type { Lost, Snapshot } from "./native";
import { reasonName } from "./reasons";
import { lostBetween } from "./render/lost";
import type { Vm } from "./vm";
import { type Groups, Ledger, type Sample, type Samples, add, difference } from "./samples";

/** Counters of all vCPUs, those that ended too: since the session opened or, of a difference, in between. */
export interface Reading {
  readonly start: Date;
  readonly end: Date;
  /** What was lost, in exits. */
  readonly lost: Lost;
  /** Who has counted, by a key that is the vCPU's in every reading of the session. */
  readonly vcpus: ReadonlyMap<string, Identity>;
  /** What they counted, by the same key. */
  readonly samples: Groups;
}

/** Counters of one reason, with its name if it has one. */
export type NamedSample = Sample & { readonly name: string | undefined };

/** Samples, by ascending reason, of a VM or vCPU, or of all where nothing is said. */
export interface Group extends Identity {
  readonly samples: readonly NamedSample[];
}

/** Turns the snapshots of a session into readings. */
export class Reader {
  readonly #start = new Date();
  readonly #grouping = new Grouping("vcpu");
  readonly #ledger: Ledger;
  // The kernel tells each maximum once. In ns, by vCPU, reason and level.
  readonly #longest = new Map<string, number>();

  /** @param timing whether the session keeps handling times: without, no exit is a timed one */
  constructor(timing: boolean) {
    this.#ledger = new Ledger(this.#grouping.groupOf, timing);
  }

  /** Takes every snapshot, in order. */
  read(snapshot: Snapshot): Reading {
    this.#ledger.update(snapshot);
    const recent = this.#ledger.interval();
    const samples = this.#ledger.totals();
    for (const [key, reasons] of samples)
      for (const [reason, sample] of reasons)
        for (const level of ["l1", "l2"] as const) {
          const id = `${key} ${reason} ${level}`;
          const latest = recent.get(key)?.get(reason)?.[level].maxNs ?? 0;
          sample[level].maxNs = Math.max(this.#longest.get(id) ?? 0, latest);
          this.#longest.set(id, sample[level].maxNs);
        }
    const vcpus = new Map([...samples.keys()].map((key) => [key, this.#grouping.identity(key)]));
    return { start: this.#start, end: new Date(), lost: snapshot.lost, vcpus, samples };
  }
}

/**
 * What happened between two readings of one session: vCPUs and reasons without exits are left out. Counters are exact
 * differences, but `maxNs`, which is the longest handling time since the session opened.
 */
export function diff(previous: Reading, next: Reading): Reading {
  return {
    start: previous.end,
    end: next.end,
    lost: lostBetween(previous.lost, next.lost),
    vcpus: next.vcpus,
    samples: difference(previous.samples, next.samples),
  };
}

function named(samples: Samples): NamedSample[] {
  return [...samples.values()]
    .sort((a, b) => a.isa.localeCompare(b.isa) || a.reason - b.reason)
    .map((sample) => ({ ...sample, name: reasonName(sample.isa, sample.reason) }));
}

/** The part of a vCPU's identity that its group has. */
function identityOf(by: By, { vm, ...vcpu }: Identity): Identity {
  if (by === "reason" || !vm) return {};
  return by === "vm" ? { vm } : { vm, ...vcpu };
}

function inOrder(a: Identity, b: Identity): number {
  return (
    (a.vm?.name ?? "").localeCompare(b.vm?.name ?? "") ||
    (a.vm?.pid ?? 0) - (b.vm?.pid ?? 0) ||
    (a.vm?.startNs ?? 0) - (b.vm?.startNs ?? 0) ||
    (a.vcpu ?? a.tid ?? 0) - (b.vcpu ?? b.tid ?? 0)
  );
}

/**
 * The samples of a reading, added up by reason: all together, or for each VM or vCPU, by the VM's name, pid and start,
 * and the vCPU's number.
 * @throws UsageError if it isn't told which
 */
export function group(reading: Reading, by: "vm" | "vcpu"): (Group & { readonly vm: Vm })[];
export function group(reading: Reading, by: By): Group[];
export function group(reading: Reading, by: By): Group[] {
  checkWord("group()", by, GROUPINGS);
  const groups = new Map<string, [Identity, Samples]>();
  for (const [key, samples] of reading.samples) {
    const identity = identityOf(by, reading.vcpus.get(key) ?? {});
    const { vm, vcpu, tid } = identity;
    const name = [vm?.pid, vm?.startNs, vcpu, tid].join(" ");
    const [, sums] = groups.get(name) ?? [identity, new Map() as Samples];
    groups.set(name, [identity, sums]);
    for (const [reason, sample] of samples) {
      const sum = sums.get(reason);
      if (!sum) sums.set(reason, structuredClone(sample));
      else {
        add(sum.l1, sample.l1);
        add(sum.l2, sample.l2);
      }
    }
  }
  return [...groups.values()]
    .map(([identity, samples]) => ({ ...identity, samples: named(samples) }))
    .sort(inOrder);
}
