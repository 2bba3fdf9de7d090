// kvm-trace report: the live tools' tables and slow exits from a recording.
import { type Command, Option } from "commander";
import { UsageError } from "../../src/errors";
import { GROUPINGS } from "../../src/measure/grouping";
import { Tally } from "../../src/trace/tally";
import { FILTERS, type FilterOptions, unitOption } from "../lib/options";
import { diagnose } from "../lib/output";
import type { Status } from "../lib/run";
import { command } from "./command";
import { type ClockOptions, clockOptions, readTurns } from "./read-turns";
import { SlowPrinter, type SlowerOptions } from "./slower";
import { type TableOptions, printTables } from "./tables";
import { TurnFilter } from "./turn-filter";

interface ReportOptions extends ClockOptions, FilterOptions, TableOptions, Omit<SlowerOptions, "ms"> {
  slower?: number;
}

async function report(tool: string, files: readonly string[], options: ReportOptions): Promise<number> {
  const filter = new TurnFilter(options);
  let status: number;
  if (options.slower === undefined) {
    const tally = new Tally();
    const turned = await readTurns(tool, files, options, (turn, nsPerTick) => {
      if (filter.wants(turn)) tally.add(turn, nsPerTick);
    });
    const { summary, nsPerTick } = turned;
    status = turned.status;
    printTables(tool, tally, summary, nsPerTick, options);
  } else {
    const printer = new SlowPrinter(tool, { ...options, ms: options.slower });
    try {
      const turned = await readTurns(
        tool,
        files,
        options,
        (turn, nsPerTick, summary) => {
          if (filter.wants(turn)) printer.add(turn, nsPerTick, summary);
        },
        () => printer.flush(),
      );
      printer.end(turned.summary, turned.nsPerTick);
      status = turned.status;
    } finally {
      await printer.flush();
    }
  }
  if (filter.whyNothing !== undefined) diagnose(filter.whyNothing);
  return status;
}

function milliseconds(text: string): number {
  const value = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) throw new UsageError(`--slower takes milliseconds, not "${text}"`);
  return value;
}

/** kvm-trace's subcommand `report`. */
export function reportCommand(tool: string, ended: (status: Status) => void): Command {
  const examples = [
    [`${tool} trace.bin`, "exits by reason"],
    [`${tool} --table time --by vm trace.bin`, "what each VM's exits cost"],
    [`${tool} --slower 2 -p 4242 trace.bin`, "exits of 2 ms or more"],
    [`${tool} -c 2400 trace.0 trace.1`, "a TSC of 2.4 GHz"],
  ] as const;
  const plain = command(
    "report",
    tool,
    "Counts and times a recording's exits as the live tools do.",
    examples,
  )
    .argument("[file...]", "recordings, merged by time (default: standard input)")
    .addOption(new Option("--by <what>", "what each gets a table").choices([...GROUPINGS]).default("reason"))
    .addOption(
      new Option("--table <kind>", "what to show").choices(["count", "time", "histogram"]).default("count"),
    )
    .addOption(unitOption())
    .option("--wide", "with --table time also maxima, percentiles and shares; with --slower details")
    .addOption(
      new Option("--slower <ms>", "print the exits that took so long, instead of a table")
        .argParser(milliseconds)
        .conflicts(["by", "table"]),
    )
    .option("-T, --timestamp", "with --slower: put the time of day first")
    .addOption(new Option("--json", "print JSON, one object a line").conflicts("csv"))
    .option("--csv", "print CSV, the headings first")
    .option("--no-header", "leave headings out");
  for (const option of FILTERS) plain.addOption(option);
  return clockOptions(plain).action(async (files: string[], options: ReportOptions) => {
    ended(await report(tool, files, options));
  });
}
