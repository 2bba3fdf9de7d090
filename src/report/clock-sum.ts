// SPDX-License-Identifier: MIT
// How vCPUs' time was split in a run, added up in bounded memory.
import type { ReadLine } from "../lines/read";
import type { Vm } from "../host/vm";
import { type Identity, inOrderOfVms } from "../measure/grouping";
import { type Lost, NOTHING_LOST, lossesOf } from "../measure/lost";
import { OTHERS_VM } from "../measure/roster";
import type { Time } from "../measure/time";
import { type Clock, NO_TIME, PARTS, addClocks, partNs } from "../split/clock";
import type { SplitBy, SplitGroup } from "../split/groups";
import { sumOfLost } from "./exit-sum";
import type { Selection } from "./selection";
import { Span } from "./span";
import { Timeline } from "./timeline";

/** Most vCPUs that are told apart, of some KiB each; the others are one. */
const MAX_CLOCKS = 16_384;

/** A text that is the same for the same VM or vCPU. */
function keyOf({ vm, vcpu, tid }: Identity): string {
  return vm ? `${vm.pid}:${vm.startNs}:${vcpu ?? ""}:${tid ?? ""}` : "";
}

/** The key of a clock in a grouping, and the VM and vCPU that it then is of. */
function ownerOf(group: SplitGroup, by: SplitBy): [string, Identity] {
  const { vm, vcpu, tid } = group;
  if (by === "all" || !vm) return ["", {}];
  if (by === "vm") return [keyOf({ vm }), { vm }];
  const owner = { vm, ...(vcpu === undefined ? {} : { vcpu }), ...(tid === undefined ? {} : { tid }) };
  return [keyOf(owner), owner];
}

/** Adds the clocks of lines up. */
export class ClockSum {
  /** By the places of parts in PARTS. */
  readonly timeline = new Timeline();
  readonly #selection: Selection;
  readonly #span = new Span();
  readonly #vms = new Map<string, Vm>();
  readonly #groups = new Map<string, SplitGroup>();
  #lost: Lost | undefined = NOTHING_LOST;

  constructor(selection: Selection) {
    this.#selection = selection;
  }

  /** How many intervals were added. */
  get intervals(): number {
    return this.#span.intervals;
  }

  /** From when to when, and whether in order. */
  get span(): Span {
    return this.#span;
  }

  get time(): Time {
    return this.#span.time;
  }

  /** What was lost, in events; undefined if that is unknown. */
  get lost(): Lost | undefined {
    return this.#lost;
  }

  /** All vCPUs together. */
  get clock(): Clock {
    return this.groups("all")[0]?.clock ?? NO_TIME;
  }

  /**
   * Adds a line in steps.
   * @param file that has the line
   * @throws UsageError if a filter needs what the line doesn't tell, or another file tells of the same time
   */
  *adding(line: ReadLine, groups: readonly SplitGroup[], file: string): Generator<void, void> {
    const { start, end, durationNs, reading } = line;
    this.#span.add(line, file);
    this.#lost = sumOfLost(this.#lost, reading.lost);
    this.timeline.begin(start, end, durationNs, reading.lost ? lossesOf(reading.lost) : 0);
    for (const group of groups) {
      if (!this.#selection.wantsIdentity(group)) continue;
      PARTS.forEach((part, at) => {
        this.timeline.addPart(at, 0, partNs(group.clock, part));
      });
      const [key, owner] = this.#place(group);
      const before = this.#groups.get(key);
      this.#groups.set(key, {
        ...owner,
        clock: before ? addClocks(before.clock, group.clock) : group.clock,
        vcpus: Math.max(before?.vcpus ?? 0, group.vcpus),
      });
      yield;
    }
  }

  /** The clocks as they were saved, or together by VM or all, in the order of VMs and vCPUs. */
  groups(by: SplitBy): SplitGroup[] {
    const groups = new Map<string, SplitGroup>();
    for (const group of this.#groups.values()) {
      const [key, owner] = ownerOf(group, by);
      const before = groups.get(key);
      groups.set(key, {
        ...owner,
        clock: before ? addClocks(before.clock, group.clock) : group.clock,
        vcpus: (before?.vcpus ?? 0) + group.vcpus,
      });
    }
    return [...groups.values()].sort(inOrderOfVms);
  }

  #place(group: SplitGroup): [string, Identity] {
    const [key, owner] = ownerOf(group, "vcpu");
    const before = this.#groups.get(key);
    if (before) return [key, ownerOf(before, "vcpu")[1]];
    if (this.#groups.size < MAX_CLOCKS) {
      const { vm } = owner;
      if (!vm) return [key, owner];
      // Rows of one VM have one object, by which tables know that it is one.
      const ofVm = keyOf({ vm });
      const known = this.#vms.get(ofVm) ?? vm;
      this.#vms.set(ofVm, known);
      return [key, { ...owner, vm: known }];
    }
    return [keyOf({ vm: OTHERS_VM }), { vm: OTHERS_VM }];
  }
}
