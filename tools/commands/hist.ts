// SPDX-License-Identifier: MIT
// The log2 histogram of handling times, of all exits or of some reasons.
import { UsageError } from "../../src/errors";
import { GROUPINGS } from "../../src/measure/grouping";
import { TRIM, histogramOfAll, histogramsByReason } from "../lib/histograms";
import { CHECKS, DETAILS, NET, SHARED, seconds, wholeNumber } from "../lib/options";
import { runCounting } from "../lib/present";
import { defineCommand } from "../lib/tool";

export const tool = defineCommand({
  summary: "Prints the log2 histogram of VM exits' handling times, of all or of some reasons.",
  examples: [
    ["", "all exits, until Ctrl-C"],
    ["HLT -d 10", "one reason, for ten seconds; its number does as well"],
    ["--by reason -d 10", "a histogram of each reason"],
    ["-i 1 -n 5 MSR IOIO", "two reasons together, five times"],
  ],
  operands: [{ name: "REASON", description: "exit reasons, names or numbers", kind: "reasons", many: true }],
  options: {
    by: {
      flags: ["--by"],
      value: "WHAT",
      description: "one histogram for each of these, instead of one for all",
      choices: GROUPINGS,
    },
    interval: {
      flags: ["-i", "--interval"],
      value: "SEC",
      description: "print one every so many seconds, from 0.001 to a year",
      parse: (text: string) => seconds("--interval", text),
    },
    count: {
      flags: ["-n", "--count"],
      value: "N",
      description: "how many to print, with --interval",
      parse: (text: string) => wholeNumber("--count", text, 1, 1e9),
    },
    ...TRIM,
    ...CHECKS,
    ...DETAILS,
    ...NET,
    ...SHARED,
  },
  runsCommand: true,
  run({ options, operands, command }) {
    const { by, interval, count } = options;
    if (count !== undefined && interval === undefined)
      throw new UsageError("--count is a number of intervals; give --interval, too");
    if (operands.length > 0 && options.reasons !== undefined)
      throw new UsageError("give reasons as operands or with --reasons, not both");
    return runCounting({
      name: "kvm-vmexit-hist",
      options: operands.length === 0 ? options : { ...options, reasons: operands.join(",") },
      command,
      interval,
      count,
      by: by ?? "reason",
      checks: options,
      details: options.details,
      columns: "histogram",
      timing: true,
      net: options.net,
      histograms: true,
      text: (samples, page) =>
        (by === "reason" || options.details ? histogramsByReason : histogramOfAll)(samples, page, options),
    });
  },
});
