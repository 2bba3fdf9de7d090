#!/usr/bin/env node
// kvm-vmexit-count: counts VM exits by reason, those of nested guests apart.
import { countTable, sumOf } from "../src/render/count";
import { jsonLine } from "../src/render/json";
import { lostLines } from "../src/render/lost";
import { type Samples, total } from "../src/samples";
import { timeStamp } from "../src/render/text";
import { type SharedOptions, parseCommandLine, parseInterval } from "./lib/options";
import { diagnose, print } from "./lib/output";
import { runTool } from "./lib/run";
import { trace } from "./lib/trace";

const NAME = "kvm-vmexit-count";
const ALL = "";

const EXAMPLES = [
  [NAME, "count until Ctrl-C"],
  [`${NAME} 1 10`, "ten tables, one a second"],
  [`${NAME} -p 4242 -d 30`, "one VM, for 30 seconds"],
  [`${NAME} --excludes HLT`, "leave sleeping vCPUs out"],
  [`${NAME} --json -- make bench`, "while a command runs, for programs"],
] as const;

runTool(NAME, async () => {
  const { options, operands, command } = parseCommandLine<SharedOptions>(
    process.argv.slice(2),
    NAME,
    "[interval [count]]",
    "Counts VM exits of all KVM guests by reason; L2 are the exits of nested guests.",
    EXAMPLES,
  );
  const { interval, count } = parseInterval(operands);
  return trace({
    tool: NAME,
    options,
    command,
    ...(interval === undefined ? {} : { interval }),
    ...(count === undefined ? {} : { count }),
    timing: false,
    groupOf: () => ALL,
    show: (shown, groups, lost) => {
      const samples = groups.get(ALL) ?? (new Map() as Samples);
      if (options.json) {
        print([jsonLine(NAME, shown, samples, lost)]);
        return;
      }
      const stamp = interval === undefined ? [] : [timeStamp(shown.end)];
      print([...stamp, ...countTable(samples), ...lostLines(lost)]);
      if (shown.final && interval === undefined && total(sumOf(samples)).count === 0)
        diagnose("There were no exits; is a VM running?");
    },
  });
});
