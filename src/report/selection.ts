// SPDX-License-Identifier: MIT
// Which of the saved exits are looked at: the live tools' filters, and times.
import { UsageError } from "../errors";
import { type Vm, vmMatcher } from "../host/vm";
import { pickDetails } from "../measure/details";
import type { Identity } from "../measure/grouping";
import type { Sample } from "../measure/samples";
import { type Codes, isIdle, knownIsa, isaNumber } from "../reasons";
import { ReasonFilter, type ReasonLists } from "../reasons/filter";
import type { When } from "./when";

export const IDLE = ["show", "hide", "only"] as const;

/** What a user wants to see. */
export interface Wanted extends ReasonLists {
  readonly pid?: readonly number[] | undefined;
  readonly vm?: string | undefined;
  readonly vcpu?: readonly number[] | undefined;
  readonly since?: When | undefined;
  readonly until?: When | undefined;
  readonly idle?: (typeof IDLE)[number] | undefined;
}

/** Most names of other VMs that are kept for a message. */
const MAX_OTHERS = 5;

/** Chooses among saved exits. */
export class Selection {
  readonly #wanted: Wanted;
  readonly #pids: ReadonlySet<number> | undefined;
  readonly #vcpus: ReadonlySet<number> | undefined;
  readonly #named: (vm: Vm) => boolean;
  readonly #reasons = new Map<string, ReasonFilter | undefined>();
  readonly #others = new Set<string>();

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
    this.#pids = wanted.pid && new Set(wanted.pid);
    this.#vcpus = wanted.vcpu && new Set(wanted.vcpu);
    this.#named = wanted.vm === undefined ? () => true : vmMatcher(wanted.vm);
  }

  /** Whether it depends on the VM or vCPU which exits are looked at. */
  get byIdentity(): boolean {
    const { pid, vm, vcpu } = this.#wanted;
    return [pid, vm, vcpu].some((filter) => filter !== undefined);
  }

  /** Whether it depends on the time which exits are looked at. */
  get byTime(): boolean {
    return this.#wanted.since !== undefined || this.#wanted.until !== undefined;
  }

  /** Names of some VMs that weren't wanted. */
  get others(): readonly string[] {
    return [...this.#others];
  }

  /** Whether a time from `start` to `end` of a file that begins at `first` is looked at: only if all of it is meant. */
  wantsTime(first: Date, start: Date, end: Date): boolean {
    const { since, until } = this.#wanted;
    const begin = first.getTime();
    if (since && start.getTime() < since(begin)) return false;
    return !until || end.getTime() <= until(begin);
  }

  /** @throws UsageError if the file doesn't tell what is asked for */
  wantsIdentity({ vm, vcpu }: Identity): boolean {
    const { vm: name, pid } = this.#wanted;
    if (!this.byIdentity) return true;
    if (!vm)
      throw new UsageError(
        "the file doesn't tell VMs apart; leave the filter out, or save with --by vm or --by vcpu",
      );
    if (this.#pids?.has(vm.pid) === false) return false;
    if (!this.#named(vm)) {
      if (this.#others.size < MAX_OTHERS) this.#others.add(vm.name);
      return false;
    }
    if (this.#vcpus && vcpu === undefined)
      throw new UsageError(
        `the file doesn't tell vCPUs apart${(name ?? pid) ? " of these VMs" : ""}; leave --vcpu out, or save with --by vcpu`,
      );
    return this.#vcpus?.has(vcpu ?? -1) !== false;
  }

  /**
   * What of a sample is looked at; undefined if nothing is.
   * @param key the sample's among samples
   * @throws UsageError if what the user calls a reason isn't one of the sample's instruction set, or details are asked for
   * that the file doesn't have
   */
  pick(key: number, sample: Sample): Sample | undefined {
    if (!this.#wantsReason(sample)) return undefined;
    const details = this.#reasons.get(sample.isa)?.details;
    if (!details?.has(sample.reason)) return sample;
    if (!sample.details)
      throw new UsageError(
        "the file doesn't tell what exits were about; name reasons without numbers, or save with --details",
      );
    return pickDetails(new Map([[key, sample]]), details).get(key);
  }

  #wantsReason({ isa, reason }: Sample): boolean {
    const { reasons, excludes, idle = "show" } = this.#wanted;
    if (idle !== "show" && isIdle(isa, reason) !== (idle === "only")) return false;
    if (reasons === undefined && excludes === undefined) return true;
    if (!this.#reasons.has(isa))
      this.#reasons.set(isa, isKnown(isa) ? new ReasonFilter(isa, this.#wanted, true) : undefined);
    // No list names reasons of an instruction set that isn't known.
    return this.#reasons.get(isa)?.wants(reason) ?? reasons === undefined;
  }
}

function isKnown(isa: string): isa is Codes {
  return knownIsa(isaNumber(isa) ?? 0) !== undefined;
}
