// SPDX-License-Identifier: MIT
// Conditions under which a run has failed: `max(MSR) > 20us`, `rate(EPT_VIOLATION) > 100/s`, `share(waiting) > 5%`, `p99 > +5%`.
import { UsageError } from "../errors";
import { percentileOf } from "../measure/histogram";
import { lossesOf } from "../measure/lost";
import { type Counters, type Samples, add, average, total, zero } from "../measure/samples";
import { isIdle, isReasonWord } from "../reasons";
import { readable } from "../render/units";
import { isCalled, reasonsOf, unitsOf } from "./compare";
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
  /** As the user wrote it. */
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
export function parseCondition(text: string): Condition {
  if (text.length > MAX_LENGTH) throw new UsageError(`--fail-if takes ${MAX_LENGTH} characters at most`);
  const parser: Parser = new Parser(text);
  const measures = Object.keys(MEASURES).join(", ");
  const measure = parser.need(/^[a-z]\w*/i, `one of ${measures} is missing`).toLowerCase();
  if (!isMeasure(measure)) parser.fail(`"${measure}" is none of ${measures}`);
  let reason: string | undefined;
  if (parser.take(/^\(/) !== undefined) {
    const word = parser.take(/^[\w+.-]+( FAILED_VMENTRY)?/);
    if (parser.take(/^\)/) === undefined) parser.fail("a reason and ) are missing");
    reason = word?.toUpperCase();
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
  if (parser.take(/^./) !== undefined) parser.fail("nothing may follow");
  const value = sign === "-" ? -number : number;
  if (sign !== undefined) {
    if (unit !== "%") parser.fail("after + or - there is a change in %");
    return { text, measure, reason, split, operator, value, relative: true };
  }
  const [kind, scale] = UNITS[unit] ?? ["", 1];
  if (kind !== MEASURES[measure] && !(number === 0 && unit === ""))
    parser.fail(`${measure} needs ${WANTED[MEASURES[measure]]}`);
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

/** The counters that a condition is about: without a reason, all but those of vCPUs that sleep. */
function countersOf(samples: Samples, reason: string | undefined): Counters {
  const sum = zero();
  for (const sample of samples.values()) {
    if (reason === undefined ? !isIdle(sample.isa, sample.reason) : isCalled(sample, reason))
      add(sum, total(sample));
  }
  return sum;
}

/** What was lost of exits and of the split's events; undefined if that is unknown of one. */
function lostOf({ exits, vmm, split }: Run): number | undefined {
  const lost = [exits.reading.lost, vmm.reading.lost, split.lost];
  return lost.every((each) => each !== undefined)
    ? lost.reduce((sum, each) => sum + lossesOf(each), 0)
    : undefined;
}

/** The value in a run; undefined where there is none, since no exit has one. */
function valueOf({ measure, reason, split }: Condition, run: Run): number | undefined {
  if (measure === "lost") return lostOf(run);
  if (split !== undefined) return splitValue(run.split, split, measure, FRACTIONS[measure]);
  const samples = reasonsOf(run);
  const counters = countersOf(samples, reason);
  if (measure === "count") return counters.count;
  if (measure === "rate") {
    const seconds = unitsOf(run, "second") ?? 0;
    return seconds > 0 ? counters.count / seconds : undefined;
  }
  if (counters.timed === 0) return undefined;
  if (measure === "time") return counters.totalNs;
  if (measure === "max") return counters.maxNs;
  if (measure === "avg") return average(counters);
  if (measure === "share")
    return (100 * counters.totalNs) / (countersOf(samples, undefined).totalNs || Infinity);
  return percentileOf(counters, FRACTIONS[measure] ?? 0);
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
  if (run.judged.intervals === 0) return "exits, which kvm-vmexit time has";
  const all = zero();
  for (const sample of reasonsOf(run).values()) add(all, total(sample));
  if (all.count === 0 || need === "exits") return undefined;
  if (all.timed === 0) return "times, which kvm-vmexit time has";
  return need === "histograms" && all.buckets.length === 0
    ? "histograms, which kvm-vmexit time --wide and hist have"
    : undefined;
}

/**
 * What comes of a condition that isn't about a change.
 * @throws UsageError if the run has not what the condition is about
 */
export function judge(condition: Condition, run: Run): Outcome {
  const { text, measure, operator, value } = condition;
  checkHas(condition, run);
  const now = valueOf(condition, run);
  return now === undefined
    ? {
        text,
        failed: measure === "lost",
        found: measure === "lost" ? "it is unknown" : "there is no such exit",
      }
    : { text, failed: OPERATORS[operator](now, value), found: `it is ${inWords(now, measure)}` };
}

/** @throws UsageError if a run has not what the condition is about */
function checkHas(condition: Condition, run: Run): void {
  const missing = lack(condition, run);
  if (missing !== undefined) throw new UsageError(`--fail-if ${condition.text} needs ${missing}`);
}

/**
 * What comes of a condition about a change, from the median of the runs before to that of the others.
 * @throws UsageError if a run has not what the condition is about, or there is none before
 */
export function judgeChange(condition: Condition, runs: readonly Run[], before: readonly Run[]): Outcome {
  const { text, measure, operator, value } = condition;
  if (before.length === 0)
    throw new UsageError(`--fail-if ${text} is about a change: give the files of before and after`);
  for (const run of [...before, ...runs]) checkHas(condition, run);
  const middle = (side: readonly Run[]) => medianOf(side.flatMap((run) => valueOf(condition, run) ?? []));
  const [then, now] = [middle(before), middle(runs)];
  if (now === undefined || then === undefined || then === 0)
    return { text, failed: false, found: "there is nothing to compare" };
  const change = (100 * (now - then)) / then;
  const found = `it was ${inWords(then, measure)} and is ${inWords(now, measure)}, ${change > 0 ? "+" : ""}${change.toFixed(1)}%`;
  return { text, failed: OPERATORS[operator](change, value), found };
}
