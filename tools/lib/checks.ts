// SPDX-License-Identifier: MIT
// What is made of a run at its end: --fail-if and --junit, limits that it must keep, for CI; --advise.
import { type Advice, advise } from "../../src/advice";
import { adviceLines } from "../../src/advice/lines";
import { UsageError } from "../../src/errors";
import {
  type Condition,
  type Outcome,
  checkReasonOf,
  judge,
  judgeChange,
  needs,
  parseCondition,
} from "../../src/report/condition";
import { evidenceOf } from "../../src/report/evidence";
import { junit } from "../../src/report/junit";
import { Run } from "../../src/report/run";
import { Selection } from "../../src/report/selection";
import type { About } from "../../src/measure/lines";
import type { Reading } from "../../src/measure/reading";
import type { Time } from "../../src/measure/time";
import type { SplitGroup } from "../../src/split/groups";
import type { SplitReading } from "../../src/split/reading";
import { learnReasons } from "../../src/reasons";
import { Machine } from "../../src/host/machine";
import { checkTarget } from "./files";
import { diagnose, print } from "./output";
import { hostHere } from "./about";
import type { JudgedExits } from "./live-check";
import type { EndOptions } from "./options";
import { writeText } from "./text-file";

/** What helps where --junit's file can't be written. */
export const JUNIT_MEND = "name a file that you may write with --junit";

/** The exit status where a limit isn't kept. */
export const FAILED = 4;

/** What was written after --fail-if. @throws UsageError at the place of an error */
export function conditionsOf(texts: readonly string[] = []): Condition[] {
  return texts.map(parseCondition);
}

/** What a live run can be judged by. */
export type Judged = "counts" | "times" | "split";

/** The tools that have what conditions need. */
const HAVE: Readonly<Record<NonNullable<ReturnType<typeof needs>>, readonly [what: string, tool: string]>> = {
  exits: ["exits", "time"],
  times: ["times", "time"],
  histograms: ["times", "time"],
  split: ["the split of vCPUs' time", "split"],
};

const HAS: Readonly<Record<Judged, readonly ReturnType<typeof needs>[]>> = {
  counts: [undefined, "exits"],
  times: [undefined, "exits", "times", "histograms"],
  split: [undefined, "split"],
};

/** @throws UsageError for conditions that a live run can't answer */
function checkLive(conditions: readonly Condition[], judged: Judged): void {
  for (const condition of conditions) {
    if (condition.relative)
      throw new UsageError(
        `--fail-if ${condition.text} is about a change: save two runs and give both to kvm-vmexit report`,
      );
    const need = needs(condition);
    if (need === undefined || HAS[judged].includes(need)) continue;
    const [what, tool] = HAVE[need];
    throw new UsageError(`--fail-if ${condition.text} needs ${what}: use kvm-vmexit ${tool}`);
  }
}

/** @throws UsageError for a file of what came of conditions where there is none, or that can't be written */
export function checkJunit(conditions: readonly Condition[], report: string | undefined): void {
  if (report === undefined) return;
  if (conditions.length === 0) throw new UsageError("--junit is about --fail-if; give a condition, too");
  checkTarget(report, JUNIT_MEND);
}

/** Prints what advice there is: after tables, or on stderr where the output is for programs. */
export function printAdvice(advice: Advice, forPrograms: boolean): void {
  const lines = adviceLines(advice);
  if (forPrograms) lines.forEach(diagnose);
  else print(["", ...lines]);
}

/** Adds a live run up and judges it. */
export class LiveCheck {
  readonly #run: Run;
  readonly #conditions: readonly Condition[];
  readonly #report: string | undefined;
  readonly #tool: string;
  readonly #about: About;
  readonly #advises: boolean;

  constructor(tool: string, options: EndOptions, judged: Judged, exits: JudgedExits) {
    const { failIf, junit: report, advise: advised = false } = options;
    this.#run = new Run(new Selection(exits));
    this.#tool = tool;
    this.#advises = advised;
    this.#about = {
      tool,
      version: "",
      host: advised ? hostHere("", "") : undefined,
      options: { timing: judged === "times" },
    };
    // Conditions may name what only this kernel names.
    learnReasons(new Machine().formatOf("kvm_exit") ?? "");
    this.#conditions = conditionsOf(failIf);
    this.#report = report;
    checkLive(this.#conditions, judged);
    checkJunit(this.#conditions, report);
  }

  /** @throws UsageError if a condition names a reason that this instruction set hasn't */
  checkReasons(isa: string): void {
    for (const condition of this.#conditions) checkReasonOf(condition, [isa]);
  }

  /** Whether conditions are about percentiles. */
  get histograms(): boolean {
    return this.#conditions.some((condition) => needs(condition) === "histograms");
  }

  add(reading: Reading & Time): void {
    this.#run.add({ ...this.#about, ...reading, reading, vcpus: reading.exits.size, split: undefined });
  }

  /** @param groups of each vCPU */
  addSplit(reading: SplitReading & Time, groups: readonly SplitGroup[]): void {
    const { vcpus } = reading;
    const exits = { ...reading, exits: new Map() };
    this.#run.add({ ...this.#about, ...reading, reading: exits, vcpus: vcpus.size, split: groups });
  }

  /** Prints advice. @param forPrograms whether the output is JSON or CSV @returns the exit status, 0 if all is well */
  end(forPrograms: boolean): Promise<number> {
    if (this.#advises) printAdvice(advise(evidenceOf(this.#run)), forPrograms);
    return judgeRuns(this.#tool, this.#conditions, [this.#run], undefined, this.#report);
  }
}

/**
 * Says which conditions hold that mustn't. Of several runs each is looked at; a change is that of the medians.
 * @param tool as it was called
 * @returns the exit status, 0 if all is well
 */
export async function judgeRuns(
  tool: string,
  conditions: readonly Condition[],
  runs: readonly Run[],
  before: readonly Run[] | undefined,
  report: string | undefined,
): Promise<number> {
  const outcomes: Outcome[] = conditions.flatMap((condition) => {
    if (condition.relative) return [judgeChange(condition, runs, before ?? [])];
    const all = runs.map((run) => judge(condition, run));
    return all.find(({ failed }) => failed) ?? all.slice(0, 1);
  });
  for (const { text, failed, found } of outcomes) if (failed) diagnose(`Failed: ${text}: ${found}`);
  if (report !== undefined) await writeText(report, junit(tool, outcomes), JUNIT_MEND);
  return outcomes.some(({ failed }) => failed) ? FAILED : 0;
}
