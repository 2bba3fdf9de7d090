// SPDX-License-Identifier: MIT
// Made-up runs of some VMs, with a burst of MSR accesses and vCPUs that wait, as lines of --json.
import { bucketOf } from "../../src/measure/histogram";
import { groupSamples } from "../../src/measure/grouping";
import type { Identity } from "../../src/measure/grouping";
import type { About } from "../../src/measure/lines";
import { NOTHING_LOST } from "../../src/measure/lost";
import { type Groups, addToBucket, detailAt, sampleAt, sampleKey } from "../../src/measure/samples";
import { jsonLine } from "../../src/render/json";
import { splitJsonLine } from "../../src/render/split-lines";
import { makeClock } from "../../src/split/clock";

const SVM = 2;
const NAMES = ["db-1", "web-1", "web-2", "ci-runner", "mail"];
/** Reason, exits in a second, typical handling time in ns. */
const REASONS = [
  [114, 30, 900],
  [124, 80, 1300],
  [120, 12, 200_000],
  [123, 16, 14_000],
  [1024, 14, 5000],
  [96, 19, 2500],
] as const;
const MSR = 124;

/** A made-up run. */
export interface MadeUpRun {
  /** When it begins, in ms since 1970. */
  readonly begin: number;
  readonly seconds: number;
  readonly vms: number;
  /** By what an access to an MSR takes longer. */
  readonly slower?: number;
}

/** Numbers from 0 to 1 that are the same in every run of a test. */
function numbers(seed: number): () => number {
  let state = seed % 2147483647 || 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

function about(tool: string): About {
  return {
    tool: `kvm-vmexit-${tool}`,
    version: "1.0.0",
    host: {
      kernel: "6.12.57",
      machine: "x86_64",
      processor: "AMD EPYC 9654 96-Core Processor",
      isa: "svm",
      attach: "direct",
    },
    options: { by: "vcpu" },
  };
}

const vmOf = (vm: number): Identity => ({
  vm: { pid: 100 + vm, startNs: 1, name: NAMES[vm % NAMES.length] ?? "", source: "process" },
  vcpu: 0,
});

const timeOf = ({ begin, seconds }: MadeUpRun, second: number) => ({
  start: new Date(begin + second * 1000),
  end: new Date(begin + second * 1000 + 1000),
  durationNs: 1e9,
  final: second === seconds - 1,
});

/** Lines of kvm-vmexit time --wide --details. */
export function exits(run: MadeUpRun): string {
  const random = numbers(run.begin / 1000);
  const lines = Array.from({ length: run.seconds }, (_, second) => {
    const groups: Groups = new Map();
    const vcpus = new Map<string, Identity>();
    for (let vm = 0; vm < run.vms; vm++) {
      const key = `${vm}`;
      vcpus.set(key, vmOf(vm));
      for (const [reason, rate, typical] of REASONS) {
        const sample = sampleAt(groups, key, sampleKey(SVM, reason), "svm", reason);
        const isBurst = reason === MSR && second % 60 > 40;
        const count = Math.round(rate * (isBurst ? 5 : 1) * (0.7 + 0.6 * random()));
        for (let i = 0; i < count; i++) {
          const spread = Math.exp((random() + random() + random() - 1.5) * 1.5);
          const ns = Math.round(typical * spread * (reason === MSR ? (run.slower ?? 1) : 1));
          sample.l1.count++;
          sample.l1.timed++;
          sample.l1.totalNs += ns;
          sample.l1.maxNs = Math.max(sample.l1.maxNs, ns);
          addToBucket(sample.l1.buckets, bucketOf(ns), 1);
        }
        if (reason === MSR) Object.assign(detailAt(sample, "1", (1n << 32n) | 0x6e0n).l1, sample.l1);
      }
    }
    return jsonLine(
      about("time"),
      timeOf(run, second),
      groupSamples({ exits: groups, vcpus }, "vcpu"),
      { ...NOTHING_LOST, missedEvents: second === 3 ? 2 : 0 },
      "wide",
      run.vms,
    );
  });
  return `${lines.join("\n")}\n`;
}

/** Lines of kvm-vmexit split. */
export function split(run: MadeUpRun): string {
  const random = numbers(run.begin / 1000 + 1);
  const lines = Array.from({ length: run.seconds }, (_, second) => {
    const groups = Array.from({ length: run.vms }, (_, vm) => {
      const waiting = (second % 60 > 40 ? 2e8 : 1e7) * random();
      const ns: Record<string, number> = {
        guest: 1e8 + 4e8 * random(),
        kvm: 8e7 * random(),
        vmm: 5e7 * random(),
        pollSuccess: 2e7,
        waiting,
      };
      ns["idle"] = 1e9 - Object.values(ns).reduce((sum, each) => sum + each, 0);
      const waits: number[] = [];
      addToBucket(waits, bucketOf(waiting / 10), 10);
      const clock = makeClock(
        (activity) => Math.round(ns[activity] ?? 0),
        (count) => (count === "exits" ? 3000 : 100),
        (maximum) => Math.round(maximum === "maxWaitNs" ? waiting / 10 : 2e7),
        waits,
      );
      return { ...vmOf(vm), clock, vcpus: 1 };
    });
    return splitJsonLine(about("split"), { ...timeOf(run, second), lost: NOTHING_LOST }, groups);
  });
  return `${lines.join("\n")}\n`;
}
