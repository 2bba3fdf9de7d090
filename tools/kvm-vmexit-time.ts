#!/usr/bin/env node
// kvm-vmexit-time: counts VM exits by reason with their average handling time, exit to entry.
import type { By } from "../src/measure/grouping";
import { isIdle, reasonName } from "../src/reasons";
import { timeTable } from "../src/render/time";
import { readable } from "../src/render/units";
import { type Samples, sumOf, total } from "../src/measure/samples";
import { Option } from "commander";
import { runCounting } from "./lib/present";
import { type SharedOptions, byOption, parseCommandLine, parseInterval } from "./lib/options";
import { runTool } from "./lib/run";

const NAME = "kvm-vmexit-time";

const EXAMPLES = [
  [NAME, "until Ctrl-C"],
  [`${NAME} --idle hide --wide`, "what costs, without sleeping vCPUs"],
  [`${NAME} --unit us 1 10`, "ten tables, one a second, in us"],
  [`${NAME} --by vcpu --vm web1`, "each vCPU of one VM"],
  [`${NAME} --csv 10 > exits.csv`, "a row for each reason, every 10 seconds"],
] as const;

type Idle = "show" | "hide" | "only";

interface Options extends SharedOptions {
  readonly by: By;
  readonly wide?: true;
  readonly idle: Idle;
}

function select(samples: Samples, idle: Idle): Samples {
  if (idle === "show") return samples;
  return new Map([...samples].filter(([, { isa, reason }]) => isIdle(isa, reason) === (idle === "only")));
}

function leftOut(all: Samples, idle: Idle): string[] {
  if (idle === "show") return [];
  const out = select(all, idle === "hide" ? "only" : "hide");
  const names = [...out.values()].map(({ isa, reason }) => reasonName(isa, reason) ?? String(reason));
  const { count, totalNs } = total(sumOf(out));
  if (count === 0) return [];
  const what = idle === "hide" ? `idle exits (${names.join(", ")})` : "exits that aren't idle";
  return [`Left out: ${count} ${what}, ${readable(totalNs)}`];
}

runTool(NAME, () => {
  const { options, operands, command } = parseCommandLine<Options>(
    process.argv.slice(2),
    NAME,
    "[interval [count]]",
    "Counts VM exits by reason with their average handling time, from exit to entry.",
    EXAMPLES,
    (program) =>
      program
        .addOption(byOption())
        .option("--wide", "also the longest, percentiles and the share of the time")
        .addOption(
          new Option("--idle <what>", "exits of vCPUs with nothing to do, such as HLT")
            .choices(["show", "hide", "only"])
            .default("show"),
        ),
  );
  const { unit, wide = false, idle } = options;
  return runCounting({
    name: NAME,
    options,
    command,
    ...parseInterval(operands),
    by: options.by,
    columns: wide ? "wide" : "time",
    timing: true,
    histograms: wide,
    select: (samples) => select(samples, idle),
    text: (samples, heading, all) => [...timeTable(samples, unit, wide, heading), ...leftOut(all, idle)],
  });
});
