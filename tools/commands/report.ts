// SPDX-License-Identifier: MIT
// Tables, comparisons and checks of saved readings.
import { existsSync } from "node:fs";
import { type Advice, type Finding, advise } from "../../src/advice";
import { UsageError } from "../../src/errors";
import { isReasonWord } from "../../src/reasons";
import {
  type Comparison,
  type Per,
  compare,
  haveSameExits,
  isComparable,
  unitsOf,
} from "../../src/report/compare";
import { comparisonCsv, comparisonJson, comparisonLines } from "../../src/report/comparison-lines";
import { evidenceOf } from "../../src/report/evidence";
import { page } from "../../src/report/html/page";
import { MAX_RUNS } from "../../src/report/ranks";
import type { Run } from "../../src/report/run";
import { UNITS } from "../../src/render/units";
import { IDLE, Selection } from "../../src/report/selection";
import { type When, parseWhen } from "../../src/report/when";
import { quoted } from "../../src/text";
import { checkJunit, conditionsOf, judgeRuns, printAdvice } from "../lib/checks";
import { filtersOf } from "../lib/about";
import { checkApart, checkOnce, checkTarget, narrowestMode } from "../lib/files";
import { ADVISE, BY, CHECKS, FILTERS, OUTPUT, wholeNumber } from "../lib/options";
import { TRIM } from "../lib/histograms";
import { TIME_TABLES } from "../lib/tables";
import { diagnose, outputColumns, print } from "../lib/output";
import { writeText } from "../lib/text-file";
import { type Options, type OptionsOf, defineCommand, under } from "../lib/tool";
import { readRun } from "../report/read";
import { TABLES, showRun } from "../report/show";
import { endSignal } from "../trace/inputs";
import { CLOCK } from "../trace/read-turns";

const MAX_TOP = 1e6;
const HTML_MEND = "name a file that you may write with --html";

function perOf(text: string): Per {
  if (text === "second" || text === "vcpu" || text === "exit") return text;
  if (!isReasonWord(text))
    throw new UsageError(`--per takes second, vcpu, exit or a reason such as VMCALL, not ${quoted(text)}`);
  return { reason: text };
}

const OPTIONS = {
  table: {
    flags: ["--table"],
    value: "KIND",
    description: "what to show: what the files have, times or else counts",
    choices: TABLES,
  },
  wide: { flags: ["--wide"], description: "also percentiles and shares" },
  ...BY,
  idle: {
    flags: ["--idle"],
    value: "WHAT",
    description: "exits of vCPUs with nothing to do, such as HLT",
    choices: IDLE,
    default: "show",
  },
  since: {
    flags: ["--since"],
    value: "WHEN",
    description: "only intervals from then on: 10:03, a date and time, or 10m after the beginning",
    parse: (text: string): When => parseWhen("--since", text),
  },
  until: {
    flags: ["--until"],
    value: "WHEN",
    description: "only intervals up to then",
    parse: (text: string): When => parseWhen("--until", text),
  },
  top: {
    flags: ["--top"],
    value: "N",
    description: `only the N reasons that cost most, or changed most, from 1 to ${MAX_TOP}; tables sum up the others`,
    parse: (text: string) => wholeNumber("--top", text, 1, MAX_TOP),
  },
  sort: TIME_TABLES.sort,
  rate: TIME_TABLES.rate,
  l2: TIME_TABLES.l2,
  ...TRIM,
  sum: { flags: ["--sum"], description: "add two files up instead of comparing them" },
  per: {
    flags: ["--per"],
    value: "WHAT",
    description:
      "what rates of a comparison are per: second, vcpu (its seconds), exit, or a reason's name (default: vcpu)",
    parse: perOf,
  },
  html: {
    flags: ["--html"],
    value: "FILE",
    kind: "file",
    description: "also write everything as one page of HTML, to be opened offline",
  },
  ...CHECKS,
  ...ADVISE,
  ...FILTERS,
  ...OUTPUT,
  ...under("output", {
    unit: {
      flags: ["--unit"],
      value: "UNIT",
      description: "unit of times in tables: ns unless given; in a comparison, what each column has room for",
      choices: UNITS,
    },
  }),
  ...CLOCK,
} as const satisfies Options;

type ReportOptions = OptionsOf<typeof OPTIONS>;

/** Files of one side, or of two that are compared. */
function sidesOf(argv: readonly string[], operands: readonly string[], sum: boolean): string[][] {
  const dashes = argv.indexOf("--");
  const after = dashes < 0 ? 0 : argv.length - dashes - 1;
  for (const path of argv.slice(argv.length - after))
    if (path !== "--" && /^-./.test(path) && !existsSync(path))
      throw new UsageError(`there is no file ${quoted(path)}, and options come before --`);
  if (dashes >= 0 && after > 0 && after === operands.length)
    throw new UsageError("there is no file before --; write BEFORE… -- AFTER…");
  if (dashes >= 0 && after === 0 && operands.length > 0)
    throw new UsageError("there is no file after --; write BEFORE… -- AFTER…");
  if (operands.slice(-after).includes("--") && after > 0)
    throw new UsageError("there are two --; write BEFORE… -- AFTER…, or ./-- for a file of that name");
  if (after > 0 && after < operands.length) {
    if (sum) throw new UsageError("--sum adds files up and -- compares them; leave one out");
    return [operands.slice(0, -after), operands.slice(-after)];
  }
  if (operands.length === 2 && !sum) return operands.map((path) => [path]);
  return [operands.length > 0 ? [...operands] : ["-"]];
}

/** Options that shape tables of one run, by what they are called; their values where nothing was asked. */
const OF_ONE_RUN = {
  by: "reason",
  table: undefined,
  sort: undefined,
  rate: false,
  l2: false,
  trim: false,
  utcOffset: false,
} as const satisfies Partial<Record<keyof ReportOptions, unknown>>;

/** @throws UsageError for an option that would be without effect */
function checkUsed(options: ReportOptions, compares: boolean): void {
  if (!compares && options.per !== undefined)
    throw new UsageError("--per is about rates of a comparison; give two files, or leave it out");
  if (!compares) return;
  for (const [name, unasked] of Object.entries(OF_ONE_RUN) as [keyof typeof OF_ONE_RUN, unknown][])
    if (options[name] !== unasked)
      throw new UsageError(
        `${OPTIONS[name].flags[0]} shapes tables of one run, and this is a comparison; leave it out${name === "by" ? ", and choose by --vm or --vcpu" : ""}`,
      );
}

/** What a run lacks of what rates are to be per, in words; undefined if nothing. */
function lackOf(run: Run, per: Per): string | undefined {
  const units = unitsOf(run, per);
  if (units === undefined) return "doesn't tell how many vCPUs there were; use --per second";
  if (units > 0) return undefined;
  if (per === "second") return "covers no time, so that it has no rates; compare runs that do";
  if (per === "vcpu") return "has no vCPU with an exit; use --per second";
  return per === "exit"
    ? "has no exit, so that nothing is per exit; use --per second"
    : `has no ${quoted(per.reason)} among the exits that are looked at; give --per a reason that all runs have`;
}

/** What rates are per. @throws UsageError if a run doesn't have what was asked for */
function perOfRuns(runs: readonly Run[], asked: Per | undefined): Per {
  if (!haveSameExits(runs)) {
    if (asked !== undefined)
      throw new UsageError("--per is about exits, and these files have no exits to compare; leave it out");
    return "vcpu";
  }
  const lack = (per: Per) =>
    runs.flatMap((run) => {
      const missing = lackOf(run, per);
      return missing === undefined ? [] : [`${run.name} ${missing}`];
    })[0];
  let per = asked ?? "vcpu";
  if (asked === undefined && lack(per) !== undefined) {
    diagnose("Rates are per second: a file doesn't tell how many vCPUs had exits.");
    per = "second";
  }
  const missing = lack(per);
  if (missing !== undefined) throw new UsageError(missing);
  return per;
}

/** @throws UsageError if two runs of a side are one: a run that counts twice makes chance look like a change */
function checkApartRuns(runs: readonly Run[]): void {
  const seen = new Map<string, string>();
  for (const run of runs) {
    const key = JSON.stringify(run.parts.map(({ span: { time, intervals } }) => [time, intervals]));
    const other = seen.get(key);
    if (other !== undefined)
      throw new UsageError(`${run.name} has the intervals of ${other}; give each run once`);
    seen.set(key, run.name);
  }
}

/** What any of the runs shows, and in how many, where there are several. */
function adviseOnRuns(runs: readonly Run[]): Advice | undefined {
  const all = runs.map((run) => advise(evidenceOf(run)));
  const [first] = all;
  if (!first || all.length < 2) return first;
  const found = new Map<string, Finding[]>();
  for (const finding of all.flatMap(({ findings }) => findings))
    found.set(finding.name, [...(found.get(finding.name) ?? []), finding]);
  const findings = [...found.values()].flatMap(([one, ...others]): Finding[] =>
    one ? [{ ...one, evidence: `${one.evidence} (so in ${others.length + 1} of ${all.length} runs)` }] : [],
  );
  return { ...first, findings };
}

function showComparison(before: readonly Run[], after: readonly Run[], options: ReportOptions): Comparison {
  if (!isComparable([...before, ...after]))
    throw new UsageError(
      "the files have nothing in common that can be compared: exits, exits to the VMM, or the split of vCPUs' time",
    );
  const comparison = compare(before, after, perOfRuns([...before, ...after], options.per));
  const { unit, wide, header, top } = options;
  if (options.json) print([comparisonJson(comparison)]);
  else if (options.csv) {
    [...comparison.differences, ...comparison.losses].forEach(diagnose);
    if (comparison.split.length > 0 && comparison.changes.length > 0)
      diagnose("Not in CSV: the time of vCPUs, beside exits; --json has both");
    print(comparisonCsv(comparison, header));
  } else print(comparisonLines(comparison, { unit, wide, header, top, room: outputColumns() }));
  return comparison;
}

export const tool = defineCommand({
  summary: "Tables, comparisons and checks of saved readings, on any machine and without root.",
  examples: [
    ["monday.jsonl.gz", "what kvm-vmexit time --json 1 saved, as one table"],
    ["--by vm --since 10:03 monday.jsonl", "each VM, from 10:03 on"],
    ["before after", "what changed, the largest change of cost first"],
    ["a1 a2 a3 a4 -- b1 b2 b3 b4", "four runs a side: what isn't chance"],
    ["--fail-if 'max(MSR) > 20us' run", "status 4 if a limit is exceeded"],
    ["--fail-if 'p99 > +5%' before after", "or if it got slower"],
    ["--advise run", "what the numbers point to"],
  ],
  operands: [
    {
      name: "FILE",
      description:
        "saved by --json or kvm-trace record, also gzipped (default: standard input); two are compared",
      kind: "file",
      many: true,
    },
  ],
  options: OPTIONS,
  more: ["BEFORE AFTER, or BEFORE… -- AFTER…, compares."],
  async run({ name, argv, options, operands }) {
    const conditions = conditionsOf(options.failIf);
    const sides = sidesOf(argv, operands, options.sum);
    const [first = [], second] = sides;
    if (sides.flat().filter((path) => path === "-").length > 1)
      throw new UsageError("standard input is named twice; it can be read once");
    checkUsed(options, second !== undefined);
    checkJunit(conditions, options.junit);
    if (options.html !== undefined) checkTarget(options.html, HTML_MEND);
    if (options.html !== undefined && options.html === options.junit)
      throw new UsageError("--html and --junit name the same file; name two");
    for (const out of [options.html, options.junit])
      if (out !== undefined)
        checkApart(out, sides.flat(), "one of the files that are read; name another to write to");
    const selection = new Selection(options);
    const how = { tool: name, clock: options, signal: endSignal() };
    let status = 0;
    const read = async (paths: readonly string[]) => {
      const { run, status: damaged } = await readRun(paths, selection, how);
      status = Math.max(status, damaged);
      return run;
    };
    const runs: Run[][] = [];
    if (!second) runs.push([await read(first)]);
    else
      for (const side of sides) {
        if (side.length > MAX_RUNS) throw new UsageError(`a side takes ${MAX_RUNS} files at most`);
        checkOnce(side);
        const ofSide: Run[] = [];
        for (const path of side) ofSide.push(await read([path]));
        checkApartRuns(ofSide);
        runs.push(ofSide);
      }
    const [before = [], after] = runs;
    const [run] = before;
    const comparison = after && showComparison(before, after, options);
    if (!after && run)
      await showRun(run, { ...options, unit: options.unit ?? "ns", others: selection.others });
    const drawn = after ?? before;
    const advice = options.advise || options.html !== undefined ? adviseOnRuns(drawn) : undefined;
    if (advice && options.advise) printAdvice(advice, options.json || options.csv);
    if (options.html !== undefined)
      await writeText(
        options.html,
        page({
          runs: drawn,
          before: after && before,
          comparison,
          asked: { ...filtersOf(options), idle: options.idle },
          advice,
        }),
        HTML_MEND,
        narrowestMode(operands.length > 0 ? sides.flat() : ["-"]),
      );
    const failed = await judgeRuns(name, conditions, after ?? before, after && before, options.junit);
    return failed || status;
  },
});
