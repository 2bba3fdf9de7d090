// SPDX-License-Identifier: MIT
// Advice: which faults the readings of a run show, by rules that are data.
import type { Evidence } from "./evidence";
import { NEEDS, type Finding, type Need, type Rule } from "./rule";
import { DEVICES } from "./rules/devices";
import { INTERRUPTS } from "./rules/interrupts";
import { MEMORY } from "./rules/memory";
import { SLEEPS } from "./rules/sleeps";

export type { Evidence, Quarter } from "./evidence";
export type { Finding } from "./rule";

/** All rules. Here one more is added, with a test of a run that has the fault and of one that hasn't. */
export const RULES: readonly Rule[] = [...SLEEPS, ...INTERRUPTS, ...DEVICES, ...MEMORY];

/** What the readings show. */
export interface Advice {
  readonly findings: readonly Finding[];
  /** How many rules the readings could answer. */
  readonly asked: number;
  /** What readings would have to have for the others, in words. */
  readonly lacking: readonly string[];
}

function has(evidence: Evidence, need: Need): boolean {
  switch (need) {
    case "exits":
      return evidence.exitsNs !== undefined;
    case "times":
      return evidence.timed;
    case "details":
      return evidence.details !== undefined;
    case "reflected":
      return evidence.reflected;
    case "vmm":
      return evidence.vmm !== undefined;
    case "split":
      return evidence.clock !== undefined;
  }
}

/** Asks every rule whose needs the readings have. */
export function advise(evidence: Evidence): Advice {
  const lacking = new Set<Need>();
  const asked = RULES.filter(({ needs }) => {
    const missing = needs.filter((need) => !has(evidence, need));
    for (const need of missing) lacking.add(need);
    return missing.length === 0;
  });
  const findings = asked.flatMap(({ find, name, title, meaning, mend, verify, source }): Finding[] => {
    const found = find(evidence);
    return found === undefined ? [] : [{ name, title, evidence: found, meaning, mend, verify, source }];
  });
  return { findings, asked: asked.length, lacking: [...lacking].map((need) => NEEDS[need]) };
}
