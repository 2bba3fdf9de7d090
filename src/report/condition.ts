// SPDX-License-Identifier: MIT
// Conditions under which a run has failed: `max(MSR) > 20us`, `rate(EPT_VIOLATION) > 100/s`, `share(waiting) > 5%`, `p99 > +5%`.
import { UsageError, messageOf } from "../errors";
import { percentileOf } from "../measure/histogram";
import { lossesOf } from "../measure/lost";
import { type Counters, type Sample, type Samples, add, average, total, zero } from "../measure/samples";
import { checkReason, isIdle, isReasonWord } from "../reasons";
import { readable } from "../render/units";
import { isCalled, reasonsOf, unitsOf } from "./compare";
import { type Told, isTimed } from "./exit-sum";
import { medianOf } from "./ranks";
import { PARTS } from "../split/clock";
import type { Run } from "./run";
import { SPLIT_COUNTS, splitValue } from "./split-values";

/** What can be asked, and in which unit its value is. */
const MEASURES = {
  count: "exits",
  rate: "/s",
  time: "ns",
  share: "%",
  avg: "ns",
  max: "ns",
  p50: "ns",
  p99: "ns",
  p999: "ns",
  lost: "exits",
} as const;

type Measure = keyof typeof MEASURES;

const FRACTIONS: Readonly<Partial<Record<Measure, number>>> = { p50: 0.5, p99: 0.99, p999: 0.999 };

const OPERATORS = {
  ">=": (a: number, b: number) => a >= b,
  "<=": (a: number, b: number) => a <= b,
  ">": (a: number, b: number) => a > b,
  "<": (a: number, b: number) => a < b,
} as const;

const UNITS: Readonly<Record<string, readonly [string, number]>> = {
  ns: ["ns", 1],
  us: ["ns", 1e3],
  ms: ["ns", 1e6],
  s: ["ns", 1e9],
  "/s": ["/s", 1],
  "%": ["%", 1],
  "": ["exits", 1],
};

/** A condition, read. */
export interface Condition {
  /** As the user wrote it, in one line. */
  readonly text: string;
  readonly measure: Measure;
  /** A reason's name or number, in upper case; undefined: all reasons, of times those that aren't idle. */
  readonly reason: string | undefined;
  /** In place of a reason, something of the split of vCPUs' time: a part, or what is counted beside it. */
  readonly split: string | undefined;
  readonly operator: keyof typeof OPERATORS;
  /** In the measure's unit; of a relative one, the change in per cent. */
  readonly value: number;
  /** Whether it is about the change since the run of before. */
  readonly relative: boolean;
}

/** What came of a condition. */
export interface Outcome {
  readonly text: string;
  readonly failed: boolean;
  /** What is, in words. */
  readonly found: string;
}

/** A share in per cent. */
const ALL = 100;

/** Longest condition, in characters. */
const MAX_LENGTH = 200;

class Parser {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  fail(wanted: string): never {
    const place = `${this.#text.slice(0, this.#at)}<HERE>${this.#text.slice(this.#at)}`;
    throw new UsageError(`--fail-if: ${wanted}: ${place}; write max(MSR) > 20us`);
  }

  /** What the pattern matches here, undefined if it doesn't; blanks before it are passed over. */
  take(pattern: RegExp): string | undefined {
    const blanks = /^\s*/.exec(this.#text.slice(this.#at))?.[0].length ?? 0;
    const found = pattern.exec(this.#text.slice(this.#at + blanks))?.[0];
    this.#at += found === undefined ? blanks : blanks + found.length;
    return found;
  }

  need(pattern: RegExp, wanted: string): string {
    return this.take(pattern) ?? this.fail(wanted);
  }
}

/**
 * Reads `MEASURE[(REASON)] OPERATOR VALUE`.
 * @throws UsageError that points at the place of the error
 */
export function parseCondition(written: string): Condition {
  const text = written.trim().replaceAll(/\s+/g, " ");
  if (text.length > MAX_LENGTH) throw new UsageError(`--fail-if takes ${MAX_LENGTH} characters at most`);
  const parser: Parser = new Parser(text);
  const measures = Object.keys(MEASURES).join(", ");
  const measure = parser.need(/^[a-z]\w*/i, `one of ${measures} is missing`).toLowerCase();
  if (!isMeasure(measure)) parser.fail(`"${measure}" is none of ${measures}`);
  let reason: string | undefined;
  if (parser.take(/^\(/) !== undefined) {
    const word = parser.take(/^[\w+.-]+( [\w+.-]+)*/);
    if (parser.take(/^:/) !== undefined)
      parser.fail("a condition names no detail; choose it by --reasons MSR:0x6e0");
    if (parser.take(/^\)/) === undefined || word === undefined) parser.fail("a reason and ) are missing");
    reason = word.toUpperCase();
  }
  if (reason !== undefined && measure === "lost") parser.fail("lost takes no reason");
  const split = splitWord(reason);
  if (reason !== undefined && split === undefined && !isReasonWord(reason))
    parser.fail(`"${reason}" is no exit reason, and no part of the split`);
  if (split !== undefined && !splitMeasures(split).includes(measure))
    parser.fail(`of ${split} there are ${splitMeasures(split).join(", ")}`);
  const operator = parser.need(/^(>=|<=|>|<)/, "one of >, >=, <, <= is missing") as keyof typeof OPERATORS;
  const sign = parser.take(/^[+-]/);
  const number = Number(parser.need(/^\d{1,15}(\.\d{1,9})?/, "a number is missing"));
  const unit = parser.take(/^(ns|us|ms|s|\/s|%)/) ?? "";
  const needed =
    sign === undefined
      ? `${measure} needs ${WANTED[MEASURES[measure]]}`
      : "after + or - there is a change in %";
  if (parser.take(/^(?=.)/) !== undefined) parser.fail(unit === "" ? needed : "nothing may follow");
  const value = sign === "-" ? -number : number;
  if (sign !== undefined) {
    if (unit !== "%") parser.fail(needed);
    return { text, measure, reason, split, operator, value, relative: true };
  }
  const [kind, scale] = UNITS[unit] ?? ["", 1];
  if (kind !== MEASURES[measure] && !(number === 0 && unit === "")) parser.fail(needed);
  if (measure === "share" && number > ALL) parser.fail("a share is 100% at most");
  return { text, measure, reason, split, operator, value: value * scale, relative: false };
}

/** What a word in brackets names of the split of vCPUs' time, if it does; no reason has such a name. */
function splitWord(word: string | undefined): string | undefined {
  const name = word?.toLowerCase();
  return [...PARTS, ...SPLIT_COUNTS].find((known) => known === name);
}

/** What can be asked of a part of the time, or of what is counted beside it. */
function splitMeasures(word: string): readonly Measure[] {
  if ((SPLIT_COUNTS as readonly string[]).includes(word)) return ["count", "rate"];
  if (word === "waiting") return ["time", "share", "max", "p50", "p99", "p999"];
  return word === "idle" ? ["time", "share", "max"] : ["time", "share"];
}

const WANTED: Readonly<Record<(typeof MEASURES)[Measure], string>> = {
  exits: "a number without a unit",
  "/s": "a number and /s",
  ns: "a number and ns, us, ms or s",
  "%": "a number and %",
};

function isMeasure(word: string): word is Measure {
  return Object.hasOwn(MEASURES, word);
}

/** A value, or why there is none: no exit has it, or it can't be known. */
type Value = { readonly is: number } | { readonly none: string } | { readonly unknown: string };

const sumOf = (samples: Samples, wanted: (sample: Sample) => boolean): Counters => {
  const sum = zero();
  for (const sample of samples.values()) if (wanted(sample)) add(sum, total(sample));
  return sum;
};

/** What was lost of exits and of the split's events; undefined if that is unknown of one. */
function lostOf({ exits, vmm, split }: Run): number | undefined {
  const lost = [exits.reading.lost, vmm.reading.lost, split.lost];
  return lost.every((each) => each !== undefined)
    ? lost.reduce((sum, each) => sum + lossesOf(each), 0)
    : undefined;
}

const known = (value: number | undefined, why: string): Value =>
  value === undefined ? { unknown: why } : { is: value };

const NO_TIME = "no time was measured";

function splitValueOf({ measure, split = "" }: Condition, run: Run): Value {
  const fraction = FRACTIONS[measure];
  const value = splitValue(run.split, split, measure, fraction);
  if (value === undefined && fraction !== undefined) return { none: "there was no wait" };
  return known(value, NO_TIME);
}

/** A value of handling times. */
function timeValueOf(measure: Measure, counters: Counters, allNs: number): Value {
  const { count, timed, totalNs, maxNs, buckets } = counters;
  const fraction = FRACTIONS[measure];
  if (count === 0)
    return measure === "time" || measure === "share" ? { is: 0 } : { none: "there is no such exit" };
  if (timed === 0) return { unknown: "no such exit has a time" };
  if (fraction !== undefined) {
    const missing = timed - buckets.reduce((sum, each) => sum + each, 0);
    if (missing > 0) return { unknown: `${missing} of ${timed} such exits are in no histogram` };
    return known(percentileOf(counters, fraction), NO_TIME);
  }
  if (measure === "time") return { is: totalNs };
  if (measure === "share")
    return known(allNs > 0 ? (ALL * totalNs) / allNs : undefined, "all exits took no time");
  return { is: measure === "max" ? maxNs : average(counters) };
}

/** The value of a run. */
function valueOf(condition: Condition, run: Run): Value {
  const { measure, reason, split } = condition;
  if (measure === "lost") return known(lostOf(run), "how much was lost");
  if (split !== undefined) return splitValueOf(condition, run);
  const samples = reasonsOf(run);
  const isAwake = (sample: Sample) => !isIdle(sample.isa, sample.reason);
  // Without a reason, all but those of vCPUs that sleep.
  const isMeant = reason === undefined ? isAwake : (sample: Sample) => isCalled(sample, reason);
  const counters = sumOf(samples, isMeant);
  if (measure === "count") return { is: counters.count };
  if (measure === "rate") {
    const seconds = unitsOf(run, "second") ?? 0;
    return known(seconds > 0 ? counters.count / seconds : undefined, NO_TIME);
  }
  // An idle exit is a part of all, the others are of those that aren't idle.
  const isOfIdle = [...samples.values()].some((sample) => isMeant(sample) && !isAwake(sample));
  return timeValueOf(measure, counters, sumOf(samples, isOfIdle ? () => true : isAwake).totalNs);
}

function inWords(value: number, measure: Measure): string {
  const unit = MEASURES[measure];
  if (unit === "ns") return readable(value);
  return unit === "exits" ? String(value) : `${value.toPrecision(4)}${unit}`;
}

/** What a condition needs of a run. */
export function needs({
  measure,
  split,
}: Pick<Condition, "measure" | "split">): "exits" | "times" | "histograms" | "split" | undefined {
  if (measure === "lost") return undefined;
  if (split !== undefined) return "split";
  if (FRACTIONS[measure] !== undefined) return "histograms";
  return MEASURES[measure] === "ns" || measure === "share" ? "times" : "exits";
}

/** Says what is missing that a condition needs. */
function lack(condition: Condition, run: Run): string | undefined {
  const need = needs(condition);
  if (need === undefined) return undefined;
  if (need === "split")
    return run.split.intervals === 0 ? "the split of vCPUs' time, which kvm-vmexit split has" : undefined;
  const { judged } = run;
  if (judged.intervals === 0) return "exits, which kvm-vmexit time has";
  if (need === "exits") return undefined;
  const { timed, histograms } = judged.told;
  const isUntimed = timed.with > 0 && !isTimed(judged);
  const ofAll = (told: Readonly<Told>) =>
    told.with > 0 && told.without > 0 ? ` of all intervals (${told.without} have none)` : "";
  if (timed.without > 0 || isUntimed) return `times${ofAll(timed)}, which kvm-vmexit time has`;
  return need === "histograms" && histograms.without > 0
    ? `histograms${ofAll(histograms)}, which kvm-vmexit time --wide and hist have`
    : undefined;
}

/** Says why a condition is about nothing that could be there. */
function whyNothing({ measure, split }: Condition, run: Run): string | undefined {
  const where = run.name === "" ? "" : ` in ${run.name}`;
  if (measure === "lost") return undefined;
  if (split !== undefined)
    return run.split.groups("all").length === 0 ? `there is no vCPU that is looked at${where}` : undefined;
  return run.isMet === false ? `there is no exit${where} of a VM and vCPU that are looked at` : undefined;
}

const judgesNothing = (text: string, why: string): never => {
  throw new UsageError(`--fail-if ${text} judges nothing: ${why}`);
};

/** @throws UsageError if a condition names a reason that none of these instruction sets has */
export function checkReasonOf({ text, reason, split }: Condition, isas: readonly string[]): void {
  if (reason === undefined || split !== undefined) return;
  try {
    checkReason(isas, reason);
  } catch (error) {
    judgesNothing(text, messageOf(error));
  }
}

/** @throws UsageError if a run has not what the condition is about, or nothing that it could be about */
function checkHas(condition: Condition, run: Run): void {
  const { text } = condition;
  const missing = lack(condition, run);
  if (missing !== undefined) throw new UsageError(`--fail-if ${text} needs ${missing}`);
  checkReasonOf(condition, run.isas);
  const why = whyNothing(condition, run);
  if (why !== undefined) judgesNothing(text, why);
}

/**
 * What comes of a condition that isn't about a change.
 * @throws UsageError if the run has not what the condition is about
 */
export function judge(condition: Condition, run: Run): Outcome {
  const { text, measure, operator, value } = condition;
  checkHas(condition, run);
  const now = valueOf(condition, run);
  if ("unknown" in now) return { text, failed: true, found: `it isn't known: ${now.unknown}` };
  if ("none" in now) return { text, failed: false, found: now.none };
  return { text, failed: OPERATORS[operator](now.is, value), found: `it is ${inWords(now.is, measure)}` };
}

/** The median of a side's values; why there is none. */
function middleOf(condition: Condition, runs: readonly Run[]): Value {
  const values = runs.map((run) => valueOf(condition, run));
  const unknown = values.find((value) => "unknown" in value);
  const median = medianOf(values.flatMap((value) => ("is" in value ? [value.is] : [])));
  return unknown ?? (median === undefined ? (values[0] ?? { none: "" }) : { is: median });
}

/**
 * What comes of a condition about a change, from the median of the runs before to that of the others. A rise from nothing
 * is more than any change in per cent.
 * @throws UsageError if a run has not what the condition is about, or there is none before
 */
export function judgeChange(condition: Condition, runs: readonly Run[], before: readonly Run[]): Outcome {
  const { text, measure, operator, value } = condition;
  if (before.length === 0)
    throw new UsageError(`--fail-if ${text} is about a change: give the files of before and after`);
  for (const run of [...before, ...runs]) checkHas(condition, run);
  const [then, now] = [middleOf(condition, before), middleOf(condition, runs)];
  for (const [side, when] of [
    [then, "before"],
    [now, "after"],
  ] as const)
    if ("unknown" in side) return { text, failed: true, found: `it isn't known: ${side.unknown}, ${when}` };
  if (!("is" in now)) return { text, failed: false, found: "there is no such exit after" };
  const earlier = "is" in then ? then.is : 0;
  const change = now.is === earlier ? 0 : earlier === 0 ? Infinity : (ALL * (now.is - earlier)) / earlier;
  const was = "is" in then ? `it was ${inWords(earlier, measure)} and` : "there was no such exit before; it";
  const words =
    change === Infinity
      ? "a rise from nothing, which is more than any bound"
      : `${change > 0 ? "+" : ""}${change.toFixed(1)}%`;
  return {
    text,
    failed: OPERATORS[operator](change, value),
    found: `${was} is ${inWords(now.is, measure)}, ${words}`,
  };
}
