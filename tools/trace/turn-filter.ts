// SPDX-License-Identifier: MIT
// Which of a recording's turns a report is about: the live tools' filters.
import { ReasonFilter } from "../../src/reasons/filter";
import { isaName, knownIsa, reasonNumber } from "../../src/reasons";
import type { Turn } from "../../src/trace/turns";
import { type Named, vmMatcher } from "../../src/host/vm";
import { whyNothing } from "../lib/filters";
import type { FilterOptions } from "../lib/options";

/** VMs that are named to a user who named others. */
const MAX_OTHERS = 5;

export class TurnFilter {
  readonly #options: FilterOptions;
  readonly #pids: ReadonlySet<number> | undefined;
  readonly #vcpus: ReadonlySet<number> | undefined;
  readonly #named: (vm: Named) => boolean;
  readonly #reasons = new Map<number, ReasonFilter | undefined>();
  readonly #others = new Set<string>();
  #found = false;

  constructor(options: FilterOptions) {
    this.#options = options;
    this.#pids = options.pid && new Set(options.pid);
    this.#vcpus = options.vcpu && new Set(options.vcpu);
    this.#named = options.vm === undefined ? () => true : vmMatcher(options.vm);
  }

  /** @throws UsageError if what the user calls a reason isn't one of the turn's instruction set */
  wants(turn: Turn): boolean {
    const { pid, vm, vcpu } = turn.thread;
    if (this.#pids?.has(pid) === false || this.#vcpus?.has(vcpu) === false) return false;
    if (!this.#named(vm)) {
      if (this.#others.size < MAX_OTHERS) this.#others.add(vm.name);
      return false;
    }
    if (!this.#wantsReason(turn)) return false;
    return (this.#found = true);
  }

  /** Why nothing was wanted; undefined if something was. */
  get whyNothing(): string | undefined {
    const { pid, vm, vcpu, reasons, excludes } = this.#options;
    const filters = [pid, vm, vcpu, reasons, excludes].some((filter) => filter !== undefined);
    if (this.#found) return undefined;
    return filters ? whyNothing(this.#options, [...this.#others]) : "There are no exits in the recording.";
  }

  #wantsReason({ isa, code }: Turn): boolean {
    if (this.#options.reasons === undefined && this.#options.excludes === undefined) return true;
    if (!this.#reasons.has(isa)) {
      const known = knownIsa(isa);
      this.#reasons.set(isa, known && new ReasonFilter(known, this.#options));
    }
    // No list names reasons of an instruction set that isn't known.
    const filter = this.#reasons.get(isa);
    return filter ? filter.wants(reasonNumber(isaName(isa), code)) : this.#options.reasons === undefined;
  }
}
