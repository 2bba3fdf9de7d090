#!/usr/bin/env node
// kvm-vmexit-hist: the log2 histogram of handling times, of all exits or of some reasons.
import type { By } from "../src/measure/grouping";
import { reasonLabel } from "../src/reasons";
import { nameInTable } from "../src/render/names";
import { histogramLines } from "../src/render/histogram";
import type { Unit } from "../src/render/units";
import { type Samples, inOrder, sumOf, total } from "../src/measure/samples";
import { Option } from "commander";
import { UsageError } from "../src/errors";
import { runCounting } from "./lib/present";
import { type SharedOptions, parseCommandLine, seconds, wholeNumber } from "./lib/options";
import { runTool } from "./lib/run";

const NAME = "kvm-vmexit-hist";

const EXAMPLES = [
  [NAME, "all exits, until Ctrl-C"],
  [`${NAME} HLT`, "one reason; its number does as well"],
  [`${NAME} --by reason -d 10`, "a histogram of each reason"],
  [`${NAME} -i 1 -n 5 MSR IOIO`, "two reasons together, five times"],
] as const;

interface Options extends SharedOptions {
  readonly by?: By;
  readonly interval?: number;
  readonly count?: number;
}

function lines(samples: Samples, byReason: boolean, unit: Unit, heading: boolean): string[] {
  if (!byReason) return histogramLines(total(sumOf(samples)).buckets, unit, heading);
  return inOrder(samples).flatMap((sample, i) => [
    ...(i > 0 ? [""] : []),
    `${reasonLabel(sample.reason)} ${nameInTable(sample)}`,
    ...histogramLines(total(sample).buckets, unit, heading),
  ]);
}

runTool(NAME, () => {
  const { options, operands, command } = parseCommandLine<Options>(
    process.argv.slice(2),
    NAME,
    "[REASON…]",
    "Prints the log2 histogram of VM exits' handling times in ns, of all or of some reasons.",
    EXAMPLES,
    (program) =>
      program
        .addOption(
          new Option("--by <what>", "one histogram for each of these").choices(["reason", "vm", "vcpu"]),
        )
        .addOption(
          new Option("-i, --interval <sec>", "print one every so many seconds").argParser((text) =>
            seconds("--interval", text),
          ),
        )
        .addOption(
          new Option("-n, --count <n>", "how many of them").argParser((text) =>
            wholeNumber("--count", text, 1, 1e9),
          ),
        ),
  );
  const { by, interval, count, unit } = options;
  if (count !== undefined && interval === undefined)
    throw new UsageError("--count says how many intervals: give --interval, too");
  if (operands.length > 0 && options.reasons !== undefined)
    throw new UsageError("reasons stand behind the options or in --reasons, not both");
  return runCounting({
    name: NAME,
    options: operands.length === 0 ? options : { ...options, reasons: operands.join(",") },
    command,
    interval,
    count,
    by: by ?? "reason",
    columns: "histogram",
    timing: true,
    histograms: true,
    text: (samples, heading) => lines(samples, by === "reason", unit, heading),
  });
});
