#!/usr/bin/env node
// kvm-vmexit-count: counts VM exits by reason, those of nested guests apart.
import { UsageError } from "../src/errors";
import type { By } from "../src/measure/grouping";
import { countTable } from "../src/render/count";
import { runCounting } from "./lib/present";
import { type SharedOptions, byOption, parseCommandLine, parseInterval } from "./lib/options";
import { runTool } from "./lib/run";

const NAME = "kvm-vmexit-count";

const EXAMPLES = [
  [NAME, "count until Ctrl-C"],
  [`${NAME} 1 10`, "ten tables, one a second"],
  [`${NAME} -p 4242 -d 30`, "one VM, for 30 seconds"],
  [`${NAME} --by vm --excludes HLT`, "each VM, without sleeping vCPUs"],
  [`${NAME} --wide 10`, "who handles exits of nested guests"],
  [`${NAME} --json -- make bench`, "while a command runs, for programs"],
] as const;

interface Options extends SharedOptions {
  readonly by: By;
  readonly wide?: true;
}

runTool(NAME, () => {
  const { options, operands, command } = parseCommandLine<Options>(
    process.argv.slice(2),
    NAME,
    "[interval [count]]",
    "Counts VM exits of all KVM guests by reason; L2 are the exits of nested guests.",
    EXAMPLES,
    (program) =>
      program
        .addOption(byOption())
        .option("--wide", "also which exits of L2 went to L1, and which L0 handled (attaches to records)"),
  );
  const { wide = false } = options;
  if (wide && options.attach === "direct") throw new UsageError("--wide needs --attach record, or auto");
  return runCounting({
    name: NAME,
    options,
    command,
    ...parseInterval(operands),
    by: options.by,
    columns: wide ? "nested" : "count",
    timing: false,
    histograms: false,
    reflected: wide,
    text: (samples, heading) => countTable(samples, heading, wide),
  });
});
