// SPDX-License-Identifier: MIT
// 200 VMs with 30 reasons each, made up, as an exporter shows them.
import { ACTIVITIES, BUCKETS, ISA } from "../../src/contract";
import { detailWords } from "../../src/export/detail-words";
import type { Family } from "../../src/export/family";
import { Families } from "../../src/export/families";
import { Fleet } from "../../src/export/fleet";
import { type TextFormat, exposition } from "../../src/export/text";
import type { Vm } from "../../src/host/vm";
import { NOTHING_LOST } from "../../src/measure/lost";
import type { SplitSnapshot } from "../../src/native/split";
import type { Snapshot } from "../../src/native/vmexit";
import { SVM_REASONS } from "../../src/reasons/svm";
import { type Vcpu, snapshot } from "../unit/snapshots";

export const VMS = 200;
export const REASONS = 30;
export const DETAILS = 7;

/** HLT among them, and MSR. */
const CODES = [...SVM_REASONS.keys()]
  .sort((a, b) => Math.abs(a - 0x78) - Math.abs(b - 0x78))
  .slice(0, REASONS);

const vcpusOf = (vms: number): Vcpu[] =>
  Array.from({ length: vms }, (_, i) => ({ pid: 1000 + i, comm: `vm${i}` }));
const MSR = 0x7c;
/** bpf/contract/detail.h: bit 32 is a write. */
const WRITE_TSC_DEADLINE = 0x1_0000_06e0n;
/** KVM_EXIT_IO, KVM_EXIT_HLT. */
const RETURNS = [2, 5];

/** The counters after so many steps: each adds a different number of exits to each reason of each VM. */
function snapshotAt(vcpus: readonly Vcpu[], step: number): Snapshot {
  const slots = vcpus.flatMap((_, vcpu) =>
    CODES.map((reason, i) => {
      const count = step * (1 + i + vcpu);
      const buckets = [[(i * 5) % BUCKETS, count]] as const;
      const detail = reason === MSR ? { detail: WRITE_TSC_DEADLINE } : {};
      return { vcpu, reason, count, totalNs: count * 2000, buckets, ...detail };
    }),
  );
  return snapshot(vcpus, slots);
}

/** Returns to the VMMs after so many steps: one of each reason, of each VM, in each. */
function returnsAt(vcpus: readonly Vcpu[], step: number): Snapshot {
  const slots = vcpus.flatMap((_, vcpu) =>
    RETURNS.map((reason) => ({ vcpu, reason, count: step, totalNs: step * 1e6 })),
  );
  const { slots: columns, ...rest } = snapshot(vcpus, slots);
  return { ...rest, slots: { ...columns, isa: columns.isa.fill(ISA.kvm_run) } };
}

/** The time of vCPUs after so many steps of 10 ms: as much in each state. */
function splitAt(vcpus: readonly Vcpu[], step: number): SplitSnapshot {
  const zeros = new Float64Array(vcpus.length);
  return {
    atNs: step * 1e7,
    vcpus: snapshot(vcpus, []).vcpus,
    clocks: {
      ns: new Float64Array(vcpus.length * ACTIVITIES.length).fill((step * 1e7) / ACTIVITIES.length),
      ...{ exits: zeros, returns: zeros, wakeups: zeros, migrations: zeros },
      ...{ maxWaitNs: zeros, maxIdleNs: zeros },
    },
    waits: { vcpu: new Uint32Array(), bucket: new Uint8Array(), count: new Float64Array() },
    recordsFull: 0,
    missedEvents: 0,
  };
}

/** All exits after so many steps. */
export function exitsAt(step: number): number {
  return step * ((REASONS * (REASONS + 1) * VMS) / 2 + (REASONS * VMS * (VMS - 1)) / 2);
}

/** A fleet that goes on by a step with each reading. */
export class MadeUp {
  readonly #start = Date.now();
  readonly #vcpus: readonly Vcpu[];
  readonly #fleet: Fleet;
  readonly #families = new Families(this.#start, { histograms: true, details: true });
  step = 0;

  /** @param vms how many there are */
  constructor(vms = VMS) {
    this.#vcpus = vcpusOf(vms);
    const of = (pid: number, startNs: number, name: string): Vm => ({
      pid,
      startNs,
      name,
      source: "qemu",
      uuid: `00000000-0000-0000-0000-${String(pid).padStart(12, "0")}`,
    });
    this.#fleet = new Fleet(
      { of, runs: () => true },
      {
        ...{ histograms: "host", maxSeries: 100_000, returns: true, split: true },
        details: { most: DETAILS, words: detailWords },
      },
      this.#start,
    );
  }

  families(scraper: string): Iterable<Family> {
    const step = ++this.step;
    const snapshots = {
      exits: snapshotAt(this.#vcpus, step),
      returns: returnsAt(this.#vcpus, step),
      split: splitAt(this.#vcpus, step),
    };
    return this.#families.of({
      counted: this.#fleet.read(snapshots, scraper, Date.now()),
      lost: NOTHING_LOST,
      lostBeside: [
        ["returns", { recordsFull: 0 }],
        ["vcpu", { recordsFull: 0, missedEvents: 0 }],
      ],
      start: this.#start,
      host: [["version", "1.2.3"]],
      process: { cpuSeconds: this.step / 100, residentBytes: 1024 },
      mapBytes: 4096,
      programs: [{ name: "direct_entry", runNs: 5, runCount: 7 }],
      pushes: { pushed: 1, lost: 0 },
      textfile: { written: 1, failed: 0 },
      rejectedPoints: 0,
    });
  }

  text(format: TextFormat, scraper: string): string {
    return exposition(this.families(scraper), format).toString();
  }
}
