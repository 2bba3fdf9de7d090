// Readings of all counters of a trace, their differences, and groups of what they hold.
import { checkWord } from "../check";
import { type By, GROUPINGS, Grouping, type Identity, inOrderOfVms } from "./grouping";
import type { Snapshot } from "../native/vmexit";
import { reasonName } from "../reasons";
import { Ledger } from "./ledger";
import { type Lost, lostBetween } from "./lost";
import type { Vm } from "../host/vm";
import { type Groups, type Sample, type Samples, addSamples, difference, inOrder } from "./samples";

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
  return inOrder(samples).map((sample) => ({ ...sample, name: reasonName(sample.isa, sample.reason) }));
}

/** The part of a vCPU's identity that its group has. */
function identityOf(by: By, { vm, ...vcpu }: Identity): Identity {
  if (by === "reason" || !vm) return {};
  return by === "vm" ? { vm } : { vm, ...vcpu };
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
  const identities = new Map<string, Identity>();
  const groups: Groups = new Map<string, Samples>();
  for (const [key, samples] of reading.samples) {
    const identity = identityOf(by, reading.vcpus.get(key) ?? {});
    const { vm, vcpu, tid } = identity;
    const name = [vm?.pid, vm?.startNs, vcpu, tid].join(" ");
    if (!identities.has(name)) identities.set(name, identity);
    addSamples(groups, name, samples);
  }
  return [...groups]
    .map(([name, samples]) => ({ ...identities.get(name), samples: named(samples) }))
    .sort(inOrderOfVms);
}
