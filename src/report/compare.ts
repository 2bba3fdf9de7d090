// SPDX-License-Identifier: MIT
// What differs between runs of before and runs of after: rates, times and costs of each reason.
import { percentileOf } from "../measure/histogram";
import { lossesOf } from "../measure/lost";
import { detailRows } from "../measure/details";
import { groupSamples } from "../measure/grouping";
import { type Counters, type Sample, type Samples, add, average, total } from "../measure/samples";
import { isIdle, reasonCalled, reasonName } from "../reasons";
import { differencesOf, lacksOf } from "./aspects";
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

/** Exits in the runs of before and after; of several runs, the medians. */
export interface Difference {
  readonly before: Side;
  readonly after: Side;
  /** What it is judged by, costs or, without times, rates: of each run of before, and of after. */
  readonly values: readonly [before: readonly number[], after: readonly number[]];
  /** By the exact Mann-Whitney test of the costs (rates, without times); undefined with too few runs. */
  readonly p: number | undefined;
  /** The same of the rates. */
  readonly rateP: number | undefined;
}

/** What exits of a reason were about. */
export interface DetailChange extends Difference {
  /** In words. */
  readonly text: string;
}

/** A reason. */
export interface Change extends Difference {
  readonly isa: string;
  readonly reason: number;
  /** The largest change first; empty unless all runs that have the reason tell them. */
  readonly details: readonly DetailChange[];
}

/** A comparison. */
export interface Comparison {
  readonly per: Per;
  /** What differs in how the runs came about, in words. */
  readonly differences: readonly string[];
  /** What was lost before and after, in words. */
  readonly losses: readonly string[];
  /** The largest change of cost first, of rate where there are no times; idle exits, whose time is no cost, last. */
  readonly changes: readonly Change[];
  /** All that aren't idle together. */
  readonly awake: Difference;
  /** All reasons together. */
  readonly sum: Difference;
  readonly timed: boolean;
  /** Whether there are enough runs to tell what chance may have made. */
  readonly tested: boolean;
  /** How vCPUs' time was split; empty unless both sides tell. */
  readonly split: readonly ClockChange[];
}

const NONE: Counters = { count: 0, timed: 0, totalNs: 0, maxNs: 0, buckets: [] };

/** All samples of a run by reason. */
export function reasonsOf(run: Pick<Run, "judged">): Samples {
  return groupSamples(run.judged.reading, "reason")[0]?.[1] ?? new Map<number, Sample>();
}

/** How many units a run has of what rates are per; undefined if that isn't known. */
export function unitsOf(run: Run, per: Per): number | undefined {
  if (per === "second") return run.judged.reading.durationNs / 1e9;
  if (per === "vcpu") return run.judged.vcpuNs === undefined ? undefined : run.judged.vcpuNs / 1e9;
  let count = 0;
  for (const sample of reasonsOf(run).values())
    if (per === "exit" || isCalled(sample, per.reason)) count += total(sample).count;
  return count;
}

/** Whether a user means this reason by a word: its name in any case, or its number. */
export function isCalled({ isa, reason }: Pick<Sample, "isa" | "reason">, word: string): boolean {
  return reasonCalled(isa, word) === reason;
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
    this.#units = unitsOf(run, per) ?? 0;
    this.#sum = sumOfAll(this.samples);
  }

  side(key: number): Side {
    const sample = this.samples.get(key);
    return this.#sideOf(sample ? total(sample) : NONE);
  }

  get all(): Side {
    return this.#sideOf(this.#sum);
  }

  /** Without idle exits. */
  get awake(): Side {
    return this.#sideOf(sumOfAll(this.samples, ({ isa, reason }) => !isIdle(isa, reason)));
  }

  /** By what exits of a reason were about; undefined where that isn't told. */
  details(key: number): ReadonlyMap<string, Side> | undefined {
    const sample = this.samples.get(key);
    if (!sample) return new Map();
    if (!sample.details) return undefined;
    return new Map(detailRows(sample).map(({ text, sample: part }) => [text, this.#sideOf(total(part))]));
  }

  /** Of what doesn't occur. */
  get none(): Side {
    return this.#sideOf(NONE);
  }

  #sideOf(counters: Counters): Side {
    return sideOf(counters, this.#units, this.#sum.totalNs);
  }
}

function lossOf(runs: readonly Run[], when: string): string[] {
  const lost = runs.flatMap(({ judged, split }) => [judged.reading.lost, split.lost]);
  if (lost.includes(undefined)) return [`Lost: unknown how much ${when}`];
  const sum = lost.reduce((all, each) => all + (each ? lossesOf(each) : 0), 0);
  return sum > 0 ? [`Lost: ${sum} exits ${when}`] : [];
}

/** Says so where all runs of after were earlier. */
function orderOf(before: readonly Run[], after: readonly Run[]): string[] {
  const beginsOf = (runs: readonly Run[]) =>
    runs.flatMap(({ parts }) =>
      parts.flatMap(({ intervals, time }) => (intervals > 0 ? [time.start.getTime()] : [])),
    );
  return Math.max(...beginsOf(after)) < Math.min(...beginsOf(before))
    ? ["Order: what is given as after was recorded before the other"]
    : [];
}

/** Whether runs have something in common: exits, exits to the VMM, or the split of time. */
export function isComparable(runs: readonly Run[]): boolean {
  return haveSameExits(runs) || runs.every(({ split }) => split.intervals > 0);
}

/** Whether all have exits, or all have exits to the VMM. */
export function haveSameExits(runs: readonly Run[]): boolean {
  const kinds = new Set(runs.map(({ kind }) => kind));
  return kinds.size === 1 && !kinds.has(undefined);
}

/** What rates are per, a reason by its name, however the user called it. */
function named(per: Per, reasons: Iterable<Pick<Sample, "isa" | "reason">>): Per {
  if (typeof per === "string") return per;
  for (const sample of reasons)
    if (isCalled(sample, per.reason)) return { reason: reasonName(sample.isa, sample.reason) ?? per.reason };
  return per;
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
  const differenceOf = (side: (run: Compared) => Side): Difference => {
    const [sidesA, sidesB] = [a.map(side), b.map(side)];
    const values = [sidesA.map(value), sidesB.map(value)] as const;
    const test = (of: (side: Side) => number) =>
      tested ? mannWhitney(sidesA.map(of), sidesB.map(of)) : undefined;
    const [p, rateP] = [test(value), test(({ rate }) => rate)];
    return { before: middle(sidesA), after: middle(sidesB), values, p, rateP };
  };
  const compared = haveSameExits([...before, ...after]) ? [...a, ...b] : [];
  const keys = new Map(compared.flatMap(({ samples }) => [...samples]));
  const size = ({ before, after }: Difference) => Math.abs(value(after) - value(before));
  const rateChange = ({ before, after }: Difference) => Math.abs(after.rate - before.rate);
  const largestFirst = (x: Difference, y: Difference) => size(y) - size(x) || rateChange(y) - rateChange(x);
  const areSaved = [...before, ...after]
    .map(({ judged }) => judged.told.details)
    .every((told) => told.with > 0 || told.without === 0);
  const detailsOf = (key: number): DetailChange[] => {
    if (!areSaved) return [];
    const all = new Map(compared.map((run) => [run, run.details(key)]));
    const told = [...all.values()].flatMap((details) => details ?? []);
    if (told.length < all.size) return [];
    return [...new Set(told.flatMap((details) => [...details.keys()]))]
      .map((text) => ({ text, ...differenceOf((run) => all.get(run)?.get(text) ?? run.none) }))
      .sort(largestFirst);
  };
  const changes = [...keys].map(([key, { isa, reason }]): Change => ({
    isa,
    reason,
    ...differenceOf((run) => run.side(key)),
    details: detailsOf(key),
  }));
  const idle = ({ isa, reason }: Change) => Number(isIdle(isa, reason));
  return {
    per: named(per, keys.values()),
    differences: [
      ...differencesOf(before, after),
      ...orderOf(before, after),
      ...lacksOf([...before, ...after]),
    ],
    losses: [...lossOf(before, "before"), ...lossOf(after, "after")],
    changes: changes.sort((x, y) => idle(x) - idle(y) || largestFirst(x, y)),
    awake: differenceOf((run) => run.awake),
    sum: differenceOf((run) => run.all),
    timed,
    tested,
    split: compareClocks(before, after),
  };
}

function sumOfAll(samples: Samples, wanted: (sample: Sample) => boolean = () => true): Counters {
  const sum: Counters = { ...NONE, buckets: [] };
  for (const sample of samples.values()) if (wanted(sample)) add(sum, total(sample));
  return sum;
}
