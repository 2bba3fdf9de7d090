// The log2 histogram of handling times, of all exits or of some reasons.
import { UsageError } from "../../src/errors";
import { GROUPINGS } from "../../src/measure/grouping";
import { detailRows } from "../../src/measure/details";
import { type Sample, type Samples, inOrder, sumOf, total } from "../../src/measure/samples";
import { reasonLabel } from "../../src/reasons";
import { nameInTable } from "../../src/render/names";
import { histogramLines } from "../../src/render/histogram";
import type { Unit } from "../../src/render/units";
import { CHECKS, DETAILS, SHARED, seconds, wholeNumber } from "../lib/options";
import { runCounting } from "../lib/present";
import { defineCommand } from "../lib/tool";

function lines(samples: Samples, byReason: boolean, unit: Unit, heading: boolean): string[] {
  if (!byReason) return histogramLines(total(sumOf(samples)).buckets, unit, heading);
  return inOrder(samples)
    .flatMap((sample) => [titled(sample, unit, heading), ...detailed(sample, unit, heading)])
    .flatMap((histogram, i) => [...(i > 0 ? [""] : []), ...histogram]);
}

function titled(sample: Sample, unit: Unit, heading: boolean, text = ""): string[] {
  const title = `${reasonLabel(sample.reason)} ${nameInTable(sample)}${text}`;
  return [title, ...histogramLines(total(sample).buckets, unit, heading)];
}

/** A histogram of each detail of a reason. */
function detailed(sample: Sample, unit: Unit, heading: boolean): string[][] {
  return detailRows(sample).map((row) => titled(row.sample, unit, heading, `: ${row.text}`));
}

export const tool = defineCommand({
  summary: "Prints the log2 histogram of VM exits' handling times in ns, of all or of some reasons.",
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
    ...CHECKS,
    ...DETAILS,
    ...SHARED,
  },
  runsCommand: true,
  run({ options, operands, command }) {
    const { by, interval, count, unit } = options;
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
      histograms: true,
      text: (samples, heading) => lines(samples, by === "reason" || options.details, unit, heading),
    });
  },
});
