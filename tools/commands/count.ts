// SPDX-License-Identifier: MIT
// Counts VM exits by reason, those of nested guests apart.
import { countTable } from "../../src/render/count";
import { ADVISE, BY, CHECKS, DETAILS, INTERVAL, SHARED, parseInterval, requireAttach } from "../lib/options";
import { runCounting } from "../lib/present";
import { COUNT_TABLES, formOf, headed } from "../lib/tables";
import { defineCommand } from "../lib/tool";

export const tool = defineCommand({
  summary: "Counts VM exits of all KVM guests by reason; L2 are the exits of nested guests.",
  examples: [
    ["", "count until Ctrl-C"],
    ["1 10", "ten tables, one a second"],
    ["-p 4242 -d 30", "one VM, for 30 seconds"],
    ["--rate --top 5 1", "the five that come most often, exits a second"],
    ["--by vm --excludes HLT", "each VM, without sleeping vCPUs"],
    ["--wide 10", "who handles exits of nested guests"],
    ["--json -- make bench", "while a command runs, for programs"],
  ],
  operands: INTERVAL,
  options: {
    ...BY,
    wide: {
      flags: ["--wide"],
      description: "also which exits of L2 went to L1, and which L0 handled (attaches by payload)",
    },
    ...COUNT_TABLES,
    ...CHECKS,
    ...ADVISE,
    ...DETAILS,
    ...SHARED,
  },
  runsCommand: true,
  run({ options, operands, command }) {
    const { wide } = options;
    if (wide) requireAttach("--wide", "record", options.attach);
    return runCounting({
      name: "kvm-vmexit-count",
      options,
      command,
      ...parseInterval(operands),
      by: options.by,
      checks: options,
      details: options.details,
      columns: wide ? "nested" : "count",
      timing: false,
      histograms: false,
      reflected: wide,
      text: (samples, page) => headed(countTable(samples, formOf(options, page, "count")), page.heading),
    });
  },
});
