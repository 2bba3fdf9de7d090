// SPDX-License-Identifier: MIT
// Everything that is exported, as metric families: their names, units and what they say.
import { type Lost, WAYS_OF_LOSS } from "../measure/lost";
import type { ProgramRun } from "../native/overhead";
import { BOUNDS } from "./bounds";
import { type Family, type Label, Labels } from "./family";
import type { Counted } from "./fleet";
import type { Row, Sums } from "./sums";

/** What this process has taken so far. */
export interface ProcessCost {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** One reading, with all that is told beside it. */
export interface Exported {
  readonly counted: Counted;
  readonly lost: Lost;
  /** In ms since 1970: when counting began. */
  readonly start: number;
  /** Labels that say what this host is. */
  readonly host: readonly Label[];
  readonly process: ProcessCost;
  /** What the kernel's maps take. */
  readonly mapBytes: number;
  /** What the kernel's statistics say of the programs; none if they are off. */
  readonly programs: readonly ProgramRun[];
  /** What became of pushes, by outcome; none where nothing is pushed. */
  readonly pushes: Readonly<Record<string, number>>;
  /** Points of pushes that the receiver took without these; undefined where nothing is pushed. */
  readonly rejectedPoints?: number;
}

type Words = Pick<Family, "name" | "unit" | "help">;

const EXITS: Words = { name: "kvm.vmexit.exits", unit: "{exit}", help: "VM exits." };
const SECONDS: Words = {
  name: "kvm.vmexit.handling",
  unit: "s",
  help: "Time from VM exits to the next entries of their vCPUs.",
};
const TIMED: Words = {
  name: "kvm.vmexit.timed_exits",
  unit: "{exit}",
  help: "VM exits that have a handling time: those that an entry followed.",
};
const TIMES: Words = {
  name: "kvm.vmexit.handling_time",
  unit: "s",
  help: "Handling times of VM exits, from the exit to the next entry.",
};
const LOST: Words = {
  name: "kvm.vmexit.lost_exits",
  unit: "{exit}",
  help: "VM exits that are missing in the other metrics, by why.",
};
const VM: Words = { name: "kvm.vmexit.vm", unit: "", help: "Who a VM is, by its label vm." };
const HOST: Words = { name: "kvm.vmexit.host", unit: "", help: "What is exported, and of what host." };
const VMS: Words = {
  name: "kvm.vmexit.vms",
  unit: "{vm}",
  help: "VMs by their series: own, or other for those that are counted together since there are too many.",
};
const VCPUS: Words = { name: "kvm.vmexit.vcpus", unit: "{vcpu}", help: "vCPUs that are counted." };
const MAPS: Words = {
  name: "kvm.vmexit.map",
  unit: "By",
  help: "Memory that the kernel set aside to count in.",
};
const RUN_SECONDS: Words = {
  name: "kvm.vmexit.program_run",
  unit: "s",
  help: "Time in which a BPF program ran, as the kernel measured it.",
};
const RUNS: Words = {
  name: "kvm.vmexit.program_runs",
  unit: "{run}",
  help: "How often a BPF program ran.",
};
const PUSHES: Words = {
  name: "kvm.vmexit.otlp_pushes",
  unit: "{push}",
  help: "Readings that were pushed, by what became of them.",
};
const REJECTED: Words = {
  name: "kvm.vmexit.otlp_rejected_points",
  unit: "{point}",
  help: "Data points that the receiver refused of pushes that it took.",
};
const CPU: Words = { name: "process.cpu", unit: "s", help: "CPU time of the exporter." };
const RESIDENT: Words = { name: "process.resident_memory", unit: "By", help: "Memory of the exporter." };
const STARTED: Words = {
  name: "process.start_time",
  unit: "s",
  help: "When the exporter began to count, in seconds since 1970.",
};

/** Ways of loss that a counting session has: it reports no slow exits. */
const WAYS = WAYS_OF_LOSS.filter((way) => way !== "eventsDropped" && way !== "detailsFull");

const snakeCase = (word: string) => word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Families that always have the same series: their labels are made once. */
class Fixed {
  readonly #labels = new Map<string, Labels>();
  readonly #start: number;

  constructor(start: number) {
    this.#start = start;
  }

  labels(pairs: readonly Label[]): Labels {
    const key = pairs.flat().join("\0");
    let labels = this.#labels.get(key);
    if (!labels) this.#labels.set(key, (labels = new Labels(pairs, this.#start)));
    return labels;
  }
}

/** Makes families of readings. */
export class Families {
  readonly #fixed: Fixed;
  readonly #histograms: boolean;

  /** @param start in ms since 1970: when counting began */
  constructor(start: number, histograms: boolean) {
    this.#fixed = new Fixed(start);
    this.#histograms = histograms;
  }

  /** All families of a reading, in the order of their pages. */
  of(exported: Exported): Family[] {
    const { counted, lost, host, process, mapBytes, programs, pushes, start } = exported;
    const { rows, hostRows, vms, others, vcpus } = counted;
    const counter = (words: Words, of: (sums: Sums) => number): Family => ({
      ...words,
      kind: "counter",
      points: rows.map(({ labels, all }) => ({ labels, value: of(all) })),
    });
    const fixed = (
      kind: "counter" | "gauge" | "info",
      words: Words,
      label: string,
      values: readonly (readonly [string, number])[],
    ): Family => ({
      ...words,
      kind,
      points: values.map(([word, value]) => ({
        labels: this.#fixed.labels(label === "" ? [] : [[label, word]]),
        value,
      })),
    });
    const single = (kind: "counter" | "gauge", words: Words, value: number) =>
      fixed(kind, words, "", [["", value]]);
    return [
      counter(EXITS, ({ exits }) => exits),
      counter(SECONDS, ({ ns }) => ns / 1e9),
      counter(TIMED, ({ timed }) => timed),
      ...(this.#histograms ? [histogram(hostRows.length > 0 ? hostRows : rows)] : []),
      fixed(
        "counter",
        LOST,
        "why",
        WAYS.map((way) => [snakeCase(way), lost[way]]),
      ),
      { ...VM, kind: "info", points: vms.map((labels) => ({ labels, value: 1 })) },
      fixed("gauge", VMS, "series", [
        ["own", vms.length],
        ["other", others],
      ]),
      single("gauge", VCPUS, vcpus),
      { ...HOST, kind: "info", points: [{ labels: this.#fixed.labels(host), value: 1 }] },
      fixed(
        "counter",
        RUN_SECONDS,
        "program",
        byName(programs, ({ runNs }) => runNs / 1e9),
      ),
      fixed(
        "counter",
        RUNS,
        "program",
        byName(programs, ({ runCount }) => runCount),
      ),
      fixed("counter", PUSHES, "outcome", Object.entries(pushes)),
      ...(exported.rejectedPoints === undefined
        ? []
        : [single("counter", REJECTED, exported.rejectedPoints)]),
      single("gauge", MAPS, mapBytes),
      single("counter", CPU, process.cpuSeconds),
      single("gauge", RESIDENT, process.residentBytes),
      single("gauge", STARTED, start / 1000),
    ];
  }
}

/** Programs whose names begin alike have the same name for the kernel. */
function byName(programs: readonly ProgramRun[], of: (run: ProgramRun) => number): [string, number][] {
  const sums = new Map<string, number>();
  for (const run of programs) sums.set(run.name, (sums.get(run.name) ?? 0) + of(run));
  return [...sums];
}

function histogram(rows: readonly Row[]): Family {
  return {
    ...TIMES,
    kind: "histogram",
    bounds: BOUNDS,
    points: rows.map(({ labels, all }) => ({
      labels,
      buckets: all.buckets ?? [],
      // Of the exits that are in a histogram: where the kernel had none left, that is told as lost.
      count: all.buckets?.reduce((sum, count) => sum + count, 0) ?? 0,
      sum: all.ns / 1e9,
    })),
  };
}
