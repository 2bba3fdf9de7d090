// SPDX-License-Identifier: MIT
// What a rule of advice is.
import type { Evidence } from "./evidence";

/** What a rule needs of the readings. */
export const NEEDS = {
  exits: "exits: kvm-vmexit count or time",
  times: "handling times, which kvm-vmexit time saves",
  details: "what exits were about: --details of count and time",
  reflected: "which exits of L2 go to L1: kvm-vmexit count --wide",
  vmm: "what exits to the VMM were about: kvm-vmexit vmm --details",
  split: "the split of vCPUs' time: kvm-vmexit split",
} as const;
export type Need = keyof typeof NEEDS;

/** A fault that readings can show. */
export interface Rule {
  /** Of one word, for programs and tests. */
  readonly name: string;
  readonly title: string;
  readonly needs: readonly Need[];
  /** What shows the fault, with the numbers of this run; undefined where nothing does. */
  readonly find: (evidence: Evidence) => string | undefined;
  readonly meaning: string;
  /** What to try. */
  readonly mend: string;
  /** How to see whether it helped. */
  readonly verify: string;
  /** Where this is described. */
  readonly source: string;
}

/** A fault that was found. */
export interface Finding extends Omit<Rule, "find" | "needs"> {
  /** What shows it, with the numbers of this run. */
  readonly evidence: string;
}
