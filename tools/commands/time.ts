// SPDX-License-Identifier: MIT
// Counts VM exits by reason with their average handling time, exit to entry.
import { isIdle, reasonName } from "../../src/reasons";
import { timeTable } from "../../src/render/time";
import { readable } from "../../src/render/units";
import { type Samples, sumOf, total } from "../../src/measure/samples";
import { ADVISE, BY, CHECKS, DETAILS, INTERVAL, NET, SHARED, parseInterval } from "../lib/options";
import { runCounting } from "../lib/present";
import { TIME_TABLES, WIDE, formOf, headed } from "../lib/tables";
import { defineCommand } from "../lib/tool";

const IDLE = ["show", "hide", "only"] as const;
type Idle = (typeof IDLE)[number];

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

export const tool = defineCommand({
  summary: "Counts VM exits by reason with their average handling time, from exit to entry.",
  examples: [
    ["", "until Ctrl-C"],
    ["--idle hide --wide", "what costs, without sleeping vCPUs"],
    ["--unit us 1 10", "ten tables, one a second, in us"],
    ["--sort time --top 5 -d 10", "the five that take most time"],
    ["--by vcpu --vm web1", "each vCPU of one VM"],
    ["--csv 10 > exits.csv", "a row for each reason, every 10 seconds"],
  ],
  operands: INTERVAL,
  options: {
    ...BY,
    ...WIDE,
    idle: {
      flags: ["--idle"],
      value: "WHAT",
      description: "exits of vCPUs with nothing to do, such as HLT",
      choices: IDLE,
      default: "show",
    },
    ...TIME_TABLES,
    ...CHECKS,
    ...ADVISE,
    ...DETAILS,
    ...NET,
    ...SHARED,
  },
  runsCommand: true,
  run({ options, operands, command }) {
    const { wide, idle } = options;
    return runCounting({
      name: "kvm-vmexit-time",
      options,
      command,
      ...parseInterval(operands),
      by: options.by,
      checks: options,
      details: options.details,
      columns: wide ? "wide" : "time",
      timing: true,
      net: options.net,
      histograms: wide,
      ...(idle === "show" ? {} : { idle }),
      select: (samples) => select(samples, idle),
      text: (samples, page, all) => [
        ...headed(timeTable(samples, formOf(options, page, "time")), page.heading),
        ...leftOut(all, idle),
      ],
    });
  },
});
