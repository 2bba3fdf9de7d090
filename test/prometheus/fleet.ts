// SPDX-License-Identifier: MIT
// 200 VMs with 30 reasons each, made up, as an exporter shows them.
import { BUCKETS } from "../../src/contract";
import type { Family } from "../../src/export/family";
import { Families } from "../../src/export/families";
import { Fleet } from "../../src/export/fleet";
import { type TextFormat, exposition } from "../../src/export/text";
import type { Vm } from "../../src/host/vm";
import { NOTHING_LOST } from "../../src/measure/lost";
import type { Snapshot } from "../../src/native/vmexit";
import { SVM_REASONS } from "../../src/reasons/svm";
import { snapshot } from "../unit/snapshots";

export const VMS = 200;
export const REASONS = 30;

/** HLT among them, and MSR. */
const CODES = [...SVM_REASONS.keys()]
  .sort((a, b) => Math.abs(a - 0x78) - Math.abs(b - 0x78))
  .slice(0, REASONS);

/** The counters after so many steps: each adds a different number of exits to each reason of each VM. */
function snapshotAt(step: number): Snapshot {
  const vcpus = Array.from({ length: VMS }, (_, i) => ({ pid: 1000 + i, comm: `vm${i}` }));
  const slots = vcpus.flatMap((_, vcpu) =>
    CODES.map((reason, i) => {
      const count = step * (1 + i + vcpu);
      return { vcpu, reason, count, totalNs: count * 2000, buckets: [[(i * 5) % BUCKETS, count]] as const };
    }),
  );
  return snapshot(vcpus, slots);
}

/** All exits after so many steps. */
export function exitsAt(step: number): number {
  return step * ((REASONS * (REASONS + 1) * VMS) / 2 + (REASONS * VMS * (VMS - 1)) / 2);
}

/** A fleet that goes on by a step with each reading. */
export class MadeUp {
  readonly #start = Date.now();
  readonly #fleet: Fleet;
  readonly #families = new Families(this.#start, true);
  step = 0;

  constructor() {
    const of = (pid: number, startNs: number, name: string): Vm => ({
      pid,
      startNs,
      name,
      source: "qemu",
      uuid: `00000000-0000-0000-0000-${String(pid).padStart(12, "0")}`,
    });
    this.#fleet = new Fleet(
      { of, runs: () => true },
      { histograms: "host", maxSeries: 100_000 },
      this.#start,
    );
  }

  families(scraper: string): Family[] {
    return this.#families.of({
      counted: this.#fleet.read(snapshotAt(++this.step), scraper, Date.now()),
      lost: NOTHING_LOST,
      start: this.#start,
      host: [["version", "1.2.3"]],
      process: { cpuSeconds: this.step / 100, residentBytes: 1024 },
      mapBytes: 4096,
      programs: [{ name: "direct_entry", runNs: 5, runCount: 7 }],
      pushes: { pushed: 1, lost: 0 },
      rejectedPoints: 0,
    });
  }

  text(format: TextFormat, scraper: string): string {
    return exposition(this.families(scraper), format);
  }
}
