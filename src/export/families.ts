// SPDX-License-Identifier: MIT
// Everything that is exported, as metric families: their names, units and what they say.
import { type Lost, WAYS_OF_LOSS } from "../measure/lost";
import type { ProgramRun } from "../native/overhead";
import { BOUNDS } from "./bounds";
import { type Family, type Label, Labels, type Point } from "./family";
import type { Counted } from "./fleet";
import type { States } from "./states";
import type { Row } from "./sums";

/** What this process has taken so far. */
export interface ProcessCost {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** One reading, with all that is told beside it. */
export interface Exported {
  readonly counted: Counted;
  readonly lost: Lost;
  /** What is missing in what is exported beside exits, in events: by what it is missing in, and why. */
  readonly lostBeside?: readonly (readonly [of: string, lost: Partial<Lost>])[];
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
  /** What became of the textfile's versions, by outcome; undefined where no file is written. */
  readonly textfile?: Readonly<Record<string, number>>;
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
const RETURNS: Words = {
  name: "kvm.vmexit.returns",
  unit: "{return}",
  help: "Returns of KVM_RUN to the VMM.",
};
const VMM_SECONDS: Words = {
  name: "kvm.vmexit.vmm",
  unit: "s",
  help: "Time from returns of KVM_RUN to the next KVM_RUN of their vCPUs.",
};
const STATES: Words = {
  name: "kvm.vmexit.vcpu",
  unit: "s",
  help: "Time of vCPUs by what they did; all states together are the time that they were there.",
};
const DETAIL_EXITS: Words = {
  name: "kvm.vmexit.detail_exits",
  unit: "{exit}",
  help: "VM exits that were about a register or a port, of those with most exits.",
};
const DETAIL_SECONDS: Words = {
  name: "kvm.vmexit.detail_handling",
  unit: "s",
  help: "Handling time of VM exits that were about a register or a port, of those with most exits.",
};
const LOST_EVENTS: Words = {
  name: "kvm.vmexit.lost_events",
  unit: "{event}",
  help: "Events that are missing in metrics beside those of exits, by which and why.",
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
const WRITES: Words = {
  name: "kvm.vmexit.textfile_writes",
  unit: "{file}",
  help: "Readings that were to be written to a file, by what became of them.",
};
const CPU: Words = { name: "process.cpu", unit: "s", help: "CPU time of the exporter." };
const RESIDENT: Words = { name: "process.resident_memory", unit: "By", help: "Memory of the exporter." };
const STARTED: Words = {
  name: "process.start_time",
  unit: "s",
  help: "When the exporter began to count, in seconds since 1970.",
};

/** Ways of loss that a counting session has: it reports no slow exits. Only one with details loses some of them. */
const waysOf = (details: boolean) =>
  WAYS_OF_LOSS.filter((way) => way !== "eventsDropped" && (details || way !== "detailsFull"));

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
  readonly #ways: readonly (keyof Lost)[];

  /** @param start in ms since 1970: when counting began */
  constructor(start: number, { histograms, details = false }: { histograms: boolean; details?: boolean }) {
    this.#fixed = new Fixed(start);
    this.#histograms = histograms;
    this.#ways = waysOf(details);
  }

  /** All families of a reading, in the order of their pages, each made when it is asked for: their points are garbage then. */
  *of(exported: Exported): Generator<Family, void> {
    const { counted, lost, lostBeside = [], host, process, mapBytes, programs, pushes, start } = exported;
    const { rows, hostRows, returns, states, details, vms, others, vcpus } = counted;
    const counter = <T>(
      words: Words,
      of: Iterable<{ readonly labels: Labels; readonly all: T }>,
      value: (sums: T) => number,
    ): Family => ({
      ...words,
      kind: "counter",
      points: each(of, ({ labels, all }) => ({ labels, value: value(all) })),
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
    yield counter(EXITS, rows, ({ exits }) => exits);
    yield counter(SECONDS, rows, ({ ns }) => ns / 1e9);
    yield counter(TIMED, rows, ({ timed }) => timed);
    if (this.#histograms) yield histogram(hostRows ?? rows);
    yield counter(RETURNS, returns, ({ exits }) => exits);
    yield counter(VMM_SECONDS, returns, ({ ns }) => ns / 1e9);
    yield { ...STATES, kind: "counter", points: statePoints(states) };
    yield counter(DETAIL_EXITS, details, ({ exits }) => exits);
    yield counter(DETAIL_SECONDS, details, ({ ns }) => ns / 1e9);
    yield fixed(
      "counter",
      LOST,
      "why",
      this.#ways.map((way) => [snakeCase(way), lost[way]]),
    );
    yield {
      ...LOST_EVENTS,
      kind: "counter",
      points: lostBeside.flatMap(([of, lost]) =>
        this.#ways.flatMap((way) => {
          const value = lost[way];
          if (value === undefined) return [];
          const pairs = [
            ["of", of],
            ["why", snakeCase(way)],
          ] as const;
          return [{ labels: this.#fixed.labels(pairs), value }];
        }),
      ),
    };
    yield { ...VM, kind: "info", points: each(vms, (labels) => ({ labels, value: 1 })) };
    yield fixed("gauge", VMS, "series", [
      ["own", vms.length],
      ["other", others],
    ]);
    yield single("gauge", VCPUS, vcpus);
    yield { ...HOST, kind: "info", points: [{ labels: this.#fixed.labels(host), value: 1 }] };
    yield fixed(
      "counter",
      RUN_SECONDS,
      "program",
      byName(programs, ({ runNs }) => runNs / 1e9),
    );
    yield fixed(
      "counter",
      RUNS,
      "program",
      byName(programs, ({ runCount }) => runCount),
    );
    yield fixed("counter", PUSHES, "outcome", Object.entries(pushes));
    yield fixed("counter", WRITES, "outcome", Object.entries(exported.textfile ?? {}));
    if (exported.rejectedPoints !== undefined) yield single("counter", REJECTED, exported.rejectedPoints);
    yield single("gauge", MAPS, mapBytes);
    yield single("counter", CPU, process.cpuSeconds);
    yield single("gauge", RESIDENT, process.residentBytes);
    yield single("gauge", STARTED, start / 1000);
  }
}

/** What `make` makes of each, one at a time. */
function* each<From, To>(of: Iterable<From>, make: (from: From) => To): Generator<To, void> {
  for (const from of of) yield make(from);
}

function* statePoints(of: readonly States[]): Generator<Point, void> {
  for (const states of of) {
    const ns = states.ns();
    for (const [i, labels] of states.labels.entries()) yield { labels, value: (ns[i] ?? 0) / 1e9 };
  }
}

/** Programs whose names begin alike have the same name for the kernel. */
function byName(programs: readonly ProgramRun[], of: (run: ProgramRun) => number): [string, number][] {
  const sums = new Map<string, number>();
  for (const run of programs) sums.set(run.name, (sums.get(run.name) ?? 0) + of(run));
  return [...sums];
}

function histogram(rows: Iterable<Row>): Family {
  return {
    ...TIMES,
    kind: "histogram",
    bounds: BOUNDS,
    points: each(rows, ({ labels, all }) => ({
      labels,
      buckets: all.buckets ?? [],
      // Of the exits that are in a histogram: where the kernel had none left, that is told as lost.
      count: all.buckets?.reduce((sum, count) => sum + count, 0) ?? 0,
      sum: all.ns / 1e9,
    })),
  };
}
