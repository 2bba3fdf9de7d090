// SPDX-License-Identifier: MIT
// Counts exits to the VMM by reason, with the time that it had until its next KVM_RUN.
import { timeTable } from "../../src/render/time";
import { ADVISE, BY, CHECKS, DETAILS, INTERVAL, SHARED, parseInterval } from "../lib/options";
import { runCounting } from "../lib/present";
import { RETURN_TABLES, WIDE, formOf, headed } from "../lib/tables";
import { defineCommand } from "../lib/tool";

export const tool = defineCommand({
  summary:
    "Counts exits to the VMM by KVM_EXIT_ reason or errno, with the average time until its next KVM_RUN.",
  examples: [
    ["", "until Ctrl-C"],
    ["--wide 1 10", "with percentiles, ten tables, one a second"],
    ["--by vm --excludes HLT", "each VMM, without sleeping vCPUs"],
    ["--json -- make bench", "while a command runs, for programs"],
  ],
  operands: INTERVAL,
  options: {
    ...BY,
    ...WIDE,
    ...RETURN_TABLES,
    ...CHECKS,
    ...ADVISE,
    details: {
      ...DETAILS.details,
      description: "also what they were about: which port, address, MSR, event; --reasons IO:0x3f8 picks one",
    },
    ...SHARED,
  },
  runsCommand: true,
  run({ options, operands, command }) {
    const { wide } = options;
    return runCounting({
      name: "kvm-vmexit-vmm",
      options,
      command,
      ...parseInterval(operands),
      by: options.by,
      checks: options,
      details: options.details,
      columns: wide ? "wide" : "time",
      timing: true,
      histograms: wide,
      returns: true,
      text: (samples, page) =>
        headed(timeTable(samples, { ...formOf(options, page, "time"), levels: false }), page.heading),
    });
  },
});
