// SPDX-License-Identifier: MIT
// kvm-trace report: the live tools' tables and slow exits from a recording.
import { UsageError } from "../../src/errors";
import { Tally } from "../../src/trace/tally";
import { TRIM } from "../lib/histograms";
import { BY, FILTERS, OUTPUT } from "../lib/options";
import { diagnose } from "../lib/output";
import { TIME_TABLES } from "../lib/tables";
import { type Options, type OptionsOf, defineCommand } from "../lib/tool";
import { namedOr } from "./inputs";
import { CLOCK, RECORDINGS, readTurns } from "./read-turns";
import { SlowPrinter } from "./slower";
import { printTables } from "./tables";
import { TurnFilter } from "./turn-filter";

function milliseconds(text: string): number {
  const value = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) throw new UsageError(`--slower takes milliseconds, not "${text}"`);
  return value;
}

/** What JSON calls the tool, by whatever name it was called. */
const NAME = "kvm-trace report";

const OPTIONS = {
  ...BY,
  table: {
    flags: ["--table"],
    value: "KIND",
    description: "what to show",
    choices: ["count", "time", "histogram"],
    default: "count",
  },
  wide: {
    flags: ["--wide"],
    description: "with --table time also maxima, percentiles and shares; with --slower details",
  },
  slower: {
    flags: ["--slower"],
    value: "MS",
    description:
      "print the exits that took so many milliseconds or more, from 0 to 999999999, instead of a table",
    parse: milliseconds,
    conflicts: ["by", "table"],
  },
  timestamp: { flags: ["-T", "--timestamp"], description: "with --slower: put the time of day first" },
  ...TIME_TABLES,
  ...TRIM,
  ...FILTERS,
  ...OUTPUT,
  ...CLOCK,
} as const satisfies Options;

type ReportOptions = OptionsOf<typeof OPTIONS>;

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
    const reading = tally.reading(summary, nsPerTick);
    await printTables(NAME, reading, options, reading.exits.size);
  } else {
    const printer = new SlowPrinter(NAME, { ...options, ms: options.slower });
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

export const tool = defineCommand({
  summary: "Counts and times a recording's exits as the live tools do.",
  examples: [
    ["trace.bin", "exits by reason"],
    ["--table time --by vm trace.bin", "what each VM's exits cost"],
    ["--slower 2 -p 4242 trace.bin", "exits of 2 ms or more"],
    ["-c 2400 trace.0 trace.1", "a TSC of 2.4 GHz"],
  ],
  operands: RECORDINGS,
  options: OPTIONS,
  run: ({ name, operands, options }) => report(name, namedOr(name, operands), options),
});
