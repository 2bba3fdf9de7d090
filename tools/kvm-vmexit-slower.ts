#!/usr/bin/env node
// kvm-vmexit-slower: every exit slower than a threshold, as it happens.
import { UsageError } from "../src/errors";
import { reasonName } from "../src/reasons";
import { lostLines } from "../src/render/lost";
import { SLOW_CSV_HEADING, slowCsv, slowJson, slowLine } from "../src/render/slow";
import { wallClock } from "../src/measure/interval";
import { type SharedOptions, parseCommandLine } from "./lib/options";
import { diagnose, print } from "./lib/output";
import { runTool } from "./lib/run";
import { trace } from "./lib/watch";

const NAME = "kvm-vmexit-slower";
const DEFAULT_MS = 10;
const MAX_MS = 1e9;
// CLOCK_MONOTONIC in ms.
const monotonic = () => Number(process.hrtime.bigint()) / 1e6;

const EXAMPLES = [
  [NAME, "exits that take 10 ms and longer"],
  [`${NAME} 1 --excludes HLT`, "1 ms and longer, without sleeping vCPUs"],
  [`${NAME} 0.05 -T --vm web1`, "50 us and longer, one VM, with the time"],
  [`${NAME} 1 --wide`, "with VM, vCPU, RIP and details"],
] as const;

interface Options extends SharedOptions {
  readonly wide?: true;
  readonly timestamp?: true;
}

function threshold(operands: readonly string[]): number {
  const [text, ...rest] = operands;
  if (rest.length > 0)
    throw new UsageError(`"${rest.join(" ")}" is too much behind the threshold; leave it out`);
  if (text === undefined) return DEFAULT_MS * 1e6;
  const ms = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (!(ms <= MAX_MS))
    throw new UsageError(`the threshold takes milliseconds from 0 to ${MAX_MS}, not "${text}"`);
  return Math.round(ms * 1e6);
}

runTool(NAME, () => {
  const { options, operands, command } = parseCommandLine<Options>(
    process.argv.slice(2),
    NAME,
    "[MS]",
    "Prints every VM exit that takes MS milliseconds and longer (10), as it happens.",
    EXAMPLES,
    (program) =>
      program
        .option("-T, --timestamp", "put the time of day first")
        .option("--wide", "also VM, pid, vCPU, guest RIP and details (attaches to records)"),
  );
  const ns = threshold(operands);
  const { json, csv, unit, wide = false, timestamp: timeOfDay = false } = options;
  if (wide && options.attach === "direct") throw new UsageError("--wide needs --attach record, or auto");
  const format = { unit, wide, timeOfDay };
  return trace({
    options,
    command,
    timing: true,
    begin: (filter) => {
      const names = [...filter.excludes].map((reason) => reasonName(filter.isa, reason) ?? String(reason));
      if (names.length > 0) diagnose(`Excludes: ${names.join(", ")}`);
      if (csv && options.header) print([SLOW_CSV_HEADING]);
    },
    slow: {
      ns,
      details: wide || json === true || csv === true,
      show: (exits, grouping) => {
        const [now, monotonicNow] = [Date.now(), monotonic()];
        const lines: string[] = [];
        for (const exit of exits) {
          const vm = grouping.vmOf(exit.tgid, exit.startNs, exit.comm);
          if (!vm) continue;
          const time = wallClock(exit.entryNs, now, monotonicNow);
          if (json) lines.push(slowJson(NAME, exit, vm, time));
          else if (csv) lines.push(slowCsv(exit, vm, time));
          else lines.push(slowLine(exit, vm, time, format));
        }
        print(lines);
      },
    },
    show: ({ start, end }, _groups, lost) => {
      if (json)
        print([JSON.stringify({ schema: "kvm-vmexit/1", tool: NAME, start, end, final: true, lost })]);
      else
        for (const line of lostLines(lost))
          (csv
            ? diagnose
            : (text: string) => {
                print([text]);
              })(line);
    },
  });
});
