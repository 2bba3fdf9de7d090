// SPDX-License-Identifier: MIT
// Samples of a reading as a user wants to see them: all together, or those of each VM or vCPU.
import { checkWord } from "../check";
import type { Vm } from "../host/vm";
import { atOnce } from "../pace";
import { reasonName } from "../reasons";
import { byCodePoint } from "./order";
import type { Reading } from "./reading";
import { type Groups, type Sample, type Samples, addSamples, inOrder } from "./samples";

/** What a table of its own is printed for. */
export const GROUPINGS = ["reason", "vm", "vcpu"] as const;
export type By = (typeof GROUPINGS)[number];

/** The VM and vCPU of counters, as far as they have one. */
export interface Identity {
  readonly vm?: Vm;
  /** As KVM numbers them; undefined where the kernel doesn't tell. */
  readonly vcpu?: number;
  readonly tid?: number;
}

/** Samples, and the VM and vCPU that they are of. */
export type Grouped = readonly [Identity, Samples];

/** Counters of one reason, with its name if it has one. */
export type NamedSample = Sample & { readonly name: string | undefined };

/** Samples, by ascending reason, of a VM or vCPU, or of all where neither is there. */
export interface Group extends Identity {
  readonly samples: readonly NamedSample[];
}

/** By VM's name, pid and start, and by vCPU. */
export function inOrderOfVms(a: Identity, b: Identity): number {
  return (
    byCodePoint(a.vm?.name ?? "", b.vm?.name ?? "") ||
    (a.vm?.pid ?? 0) - (b.vm?.pid ?? 0) ||
    (a.vm?.startNs ?? 0) - (b.vm?.startNs ?? 0) ||
    (a.vcpu ?? a.tid ?? 0) - (b.vcpu ?? b.tid ?? 0)
  );
}

/** The part of a vCPU's identity that its group has, and the group's key. */
function groupOf(by: By, key: string, identity: Identity): [string, Identity] {
  const { vm } = identity;
  if (by === "reason" || !vm) return ["", {}];
  return by === "vcpu" ? [key, identity] : [`${vm.pid}:${vm.startNs}`, { vm }];
}

/** groupSamples() in steps. */
export function* groupingSteps(
  { exits, vcpus }: Pick<Reading, "exits" | "vcpus">,
  by: By,
  wants: (sample: Sample) => boolean = () => true,
): Generator<void, Grouped[]> {
  const identities = new Map<string, Identity>();
  const groups: Groups = new Map<string, Samples>();
  for (const [vcpu, samples] of exits) {
    const [key, identity] = groupOf(by, vcpu, vcpus.get(vcpu) ?? {});
    const wanted = new Map([...samples].filter(([, sample]) => wants(sample)));
    if (!identities.has(key)) identities.set(key, identity);
    addSamples(groups, key, wanted);
    yield;
  }
  return [...identities]
    .map(([key, identity]): Grouped => [identity, groups.get(key) ?? new Map<number, Sample>()])
    .sort(([a], [b]) => inOrderOfVms(a, b));
}

/** As group(), with the samples of each group by their keys. @param wants whether a sample is shown */
export function groupSamples(
  reading: Pick<Reading, "exits" | "vcpus">,
  by: By,
  wants?: (sample: Sample) => boolean,
): Grouped[] {
  return atOnce(groupingSteps(reading, by, wants));
}

function named(samples: Samples): NamedSample[] {
  return inOrder(samples).map((sample) => ({ ...sample, name: reasonName(sample.isa, sample.reason) }));
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
  return groupSamples(reading, by).map(([identity, samples]) => ({ ...identity, samples: named(samples) }));
}
