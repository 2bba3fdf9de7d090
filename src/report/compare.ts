// SPDX-License-Identifier: MIT
// What differs between runs of before and runs of after: rates, times and costs of each reason.
import { percentileOf } from "../measure/histogram";
import { lossesOf } from "../measure/lost";
import { groupSamples } from "../measure/grouping";
import { type Counters, type Sample, type Samples, add, average, total } from "../measure/samples";
import { reasonName } from "../reasons";
import { type ClockChange, compareClocks } from "./compare-clocks";
import { LEAST_RUNS, mannWhitney, median } from "./ranks";
import type { Run } from "./run";

/** What rates and costs are divided by: seconds, seconds of a vCPU, all exits, or exits of one reason. */
export type Per = "second" | "vcpu" | "exit" | { readonly reason: string };

/** What a run says of a reason. */
export interface Side {
  /** Exits. */
  readonly count: number;
  /** Exits in a unit of what rates are per. */
  readonly rate: number;
  /** Handling time in such a unit, in ns. */
  readonly costNs: number;
  /** Of the exits that have a time; undefined if none has. */
  readonly averageNs: number | undefined;
  readonly p50Ns: number | undefined;
  readonly p99Ns: number | undefined;
  /** Of the handling time of all reasons, from 0 to 1. */
  readonly share: number;
}

/** A reason in the runs of before and after; of several runs, the medians. */
export interface Change {
  readonly isa: string;
  readonly reason: number;
  readonly before: Side;
  readonly after: Side;
  /** By the exact Mann-Whitney test of the costs (rates, without times); undefined with too few runs. */
  readonly p: number | undefined;
}

/** A comparison. */
export interface Comparison {
  readonly per: Per;
  /** What differs in how the runs came about, in words. */
  readonly differences: readonly string[];
  /** The largest change of cost first, of rate where there are no times. */
  readonly changes: readonly Change[];
  /** All reasons together. */
  readonly sum: Change;
  readonly timed: boolean;
  /** How vCPUs' time was split; empty unless both sides tell. */
  readonly split: readonly ClockChange[];
}

const NONE: Counters = { count: 0, timed: 0, totalNs: 0, maxNs: 0, buckets: [] };

/** All samples of a run by reason. */
export function reasonsOf(run: Pick<Run, "judged">): Samples {
  return groupSamples(run.judged.reading, "reason")[0]?.[1] ?? new Map<number, Sample>();
}

/** How many units a run has of what rates are per; undefined if that isn't known. */
export function unitsOf(run: Run, samples: Samples, per: Per): number | undefined {
  if (per === "second") return run.judged.reading.durationNs / 1e9;
  if (per === "vcpu") return run.judged.vcpuNs === undefined ? undefined : run.judged.vcpuNs / 1e9;
  let count = 0;
  for (const sample of samples.values())
    if (per === "exit" || reasonName(sample.isa, sample.reason) === per.reason) count += total(sample).count;
  return count;
}

function sideOf(counters: Counters, units: number, allNs: number): Side {
  const { count, timed, totalNs } = counters;
  return {
    count,
    rate: units > 0 ? count / units : 0,
    costNs: units > 0 ? totalNs / units : 0,
    averageNs: timed > 0 ? average(counters) : undefined,
    p50Ns: percentileOf(counters, 0.5),
    p99Ns: percentileOf(counters, 0.99),
    share: allNs > 0 ? totalNs / allNs : 0,
  };
}

function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : median(known);
}

function middle(sides: readonly Side[]): Side {
  const of = (value: (side: Side) => number) => median(sides.map(value));
  return {
    count: of(({ count }) => count),
    rate: of(({ rate }) => rate),
    costNs: of(({ costNs }) => costNs),
    averageNs: medianOf(sides.map(({ averageNs }) => averageNs)),
    p50Ns: medianOf(sides.map(({ p50Ns }) => p50Ns)),
    p99Ns: medianOf(sides.map(({ p99Ns }) => p99Ns)),
    share: of(({ share }) => share),
  };
}

/** A run, as it is compared. */
class Compared {
  readonly samples: Samples;
  readonly #units: number;
  readonly #sum: Counters;

  constructor(run: Run, per: Per) {
    this.samples = reasonsOf(run);
    this.#units = unitsOf(run, this.samples, per) ?? 0;
    this.#sum = sumOfAll(this.samples);
  }

  side(key: number): Side {
    const sample = this.samples.get(key);
    return sideOf(sample ? total(sample) : NONE, this.#units, this.#sum.totalNs);
  }

  get all(): Side {
    return sideOf(this.#sum, this.#units, this.#sum.totalNs);
  }
}

function listed(values: ReadonlySet<string>): string {
  return values.size === 0 ? "unknown" : [...values].join(" and ");
}

/** What the lines of the two sides say differently about how they came about. */
function differencesOf(before: readonly Run[], after: readonly Run[]): string[] {
  const values = (runs: readonly Run[], of: (about: Run["abouts"][number]) => unknown) =>
    new Set(
      runs.flatMap(({ abouts }) =>
        abouts.flatMap((about) => {
          const value = of(about);
          return value === undefined ? [] : [typeof value === "string" ? value : JSON.stringify(value)];
        }),
      ),
    );
  const ASPECTS: readonly [string, (about: Run["abouts"][number]) => unknown][] = [
    ["processor", ({ host }) => host?.processor],
    ["machine", ({ host }) => host?.machine],
    ["kernel", ({ host }) => host?.kernel],
    ["instruction set", ({ host }) => host?.isa],
    ["way to attach", ({ host }) => host?.attach],
    ["halt_poll_ns", ({ host }) => host?.haltPollNs],
    ["APIC virtualisation", ({ host }) => host?.apicVirtualised],
    ["version of the tool", ({ version }) => version],
    ["filters", ({ options }) => ({ ...options, by: undefined, histograms: undefined })],
  ];
  return ASPECTS.flatMap(([what, of]) => {
    const [a, b] = [listed(values(before, of)), listed(values(after, of))];
    return a === b ? [] : [`Differs: ${what}: ${a} before, ${b} after`];
  });
}

function lossOf(runs: readonly Run[], when: string): string[] {
  const lost = runs.flatMap(({ judged, split }) => [judged.reading.lost, split.lost]);
  if (lost.includes(undefined)) return [`Lost: unknown how much ${when}`];
  const sum = lost.reduce((all, each) => all + (each ? lossesOf(each) : 0), 0);
  return sum > 0 ? [`Lost: ${sum} exits ${when}`] : [];
}

/** Whether runs have something in common: exits, exits to the VMM, or the split of time. */
export function isComparable(runs: readonly Run[]): boolean {
  return haveSameExits(runs) || runs.every(({ split }) => split.intervals > 0);
}

function haveSameExits(runs: readonly Run[]): boolean {
  const kinds = new Set(runs.map(({ kind }) => kind));
  return kinds.size === 1 && !kinds.has(undefined);
}

/**
 * Compares runs. @throws nothing: where a run doesn't know what rates are per, `per` has to be another; see unitsOf()
 */
export function compare(before: readonly Run[], after: readonly Run[], per: Per): Comparison {
  const [a, b] = [before, after].map((runs) => runs.map((run) => new Compared(run, per))) as [
    Compared[],
    Compared[],
  ];
  const timed = [...a, ...b].every((run) => run.all.averageNs !== undefined || run.all.count === 0);
  const tested = a.length >= LEAST_RUNS && b.length >= LEAST_RUNS;
  const value = (side: Side) => (timed ? side.costNs : side.rate);
  const changeOf = (isa: string, reason: number, sideOfRun: (run: Compared) => Side): Change => {
    const [sidesA, sidesB] = [a.map(sideOfRun), b.map(sideOfRun)];
    const p = tested ? mannWhitney(sidesA.map(value), sidesB.map(value)) : undefined;
    return { isa, reason, before: middle(sidesA), after: middle(sidesB), p };
  };
  const compared = haveSameExits([...before, ...after]) ? [...a, ...b] : [];
  const keys = new Map(compared.flatMap(({ samples }) => [...samples]));
  const size = ({ before, after }: Change) => Math.abs(value(after) - value(before));
  return {
    per,
    differences: [...differencesOf(before, after), ...lossOf(before, "before"), ...lossOf(after, "after")],
    changes: [...keys]
      .map(([key, { isa, reason }]) => changeOf(isa, reason, (run) => run.side(key)))
      .sort((x, y) => size(y) - size(x)),
    sum: changeOf("", 0, (run) => run.all),
    timed,
    split: compareClocks(before, after),
  };
}

function sumOfAll(samples: Samples): Counters {
  const sum: Counters = { ...NONE, buckets: [] };
  for (const sample of samples.values()) add(sum, total(sample));
  return sum;
}
