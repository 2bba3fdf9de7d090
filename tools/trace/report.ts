// kvm-trace report: the live tools' tables from a recording.
import { type Command, Option } from "commander";
import { UsageError } from "../../src/errors";
import { type By, GROUPINGS, Grouping, titleOf } from "../../src/grouping";
import { reasonLabel } from "../../src/reasons";
import { countTable, nameInTable } from "../../src/render/count";
import { csvHeading, csvLines } from "../../src/render/csv";
import { histogramLines } from "../../src/render/histogram";
import { type Detail, jsonLine } from "../../src/render/json";
import { NOTHING_LOST } from "../../src/render/lost";
import { slowLine } from "../../src/render/slow";
import { timeTable } from "../../src/render/time";
import type { Unit } from "../../src/render/units";
import { Ledger, type Samples, inOrder, total } from "../../src/samples";
import { Tally } from "../../src/trace/tally";
import type { Summary, Turn } from "../../src/trace/turns";
import type { Vm } from "../../src/vm";
import { unitOption } from "../lib/options";
import { diagnose, print } from "../lib/output";
import { command } from "./command";
import { type ClockOptions, clockOptions, readTurns } from "./read_turns";

interface ReportOptions extends ClockOptions {
  by: By;
  table: Detail;
  unit: Unit;
  wide?: true;
  slower?: number;
  json?: true;
  csv?: true;
}

/** A VM of the recording; /proc, which knows names, was another machine's or another day's. */
function vmOf(pid: number): Vm {
  return { pid, startNs: 0, name: `pid ${pid}`, source: "process" };
}

function linesOf(samples: Samples, options: ReportOptions): string[] {
  const { table, unit } = options;
  const wide = options.wide === true;
  if (table === "count") return countTable(samples, true);
  if (table === "time") return timeTable(samples, unit, wide, true);
  return inOrder(samples).flatMap((sample) => [
    `${reasonLabel(sample.reason)} ${nameInTable(sample)}`,
    ...histogramLines(total(sample).buckets, unit, true),
  ]);
}

function show(tally: Tally, summary: Summary, nsPerTick: number, options: ReportOptions): void {
  const grouping = new Grouping(options.by, undefined, { of: vmOf, late: 0 });
  const ledger = new Ledger(grouping.groupOf, true);
  ledger.update(tally.snapshot());
  const interval = ledger.interval();
  const keys = options.by === "reason" ? [""] : grouping.sorted(interval.keys());
  const groups = keys.map(
    (key) => [grouping.identity(key), interval.get(key) ?? (new Map() as Samples)] as const,
  );
  const end = new Date(summary.startMs + (summary.ticks * nsPerTick) / 1e6);
  const time = { start: new Date(summary.startMs), end, final: true };
  if (options.json) {
    const lost = { ...NOTHING_LOST, eventsDropped: summary.lost ?? 0 };
    print([jsonLine("kvm-trace report", time, groups, lost, options.table)]);
  } else if (options.csv) print([csvHeading(options.table), ...csvLines(time, groups, options.table)]);
  else
    for (const [identity, samples] of groups) {
      const title = titleOf(identity);
      print([...(title === "" ? [] : [title]), ...linesOf(samples, options)]);
    }
}

/** Prints a turn as kvm-vmexit-slower does. */
function printSlow(turn: Turn, ns: number, unit: Unit): void {
  const { thread, isa, level, code: reason } = turn;
  const rip = (BigInt(turn.ripHigh) << 32n) | BigInt(turn.ripLow);
  const who = {
    tgid: thread.pid,
    tid: thread.tid,
    vcpuId: thread.vcpu | 0,
    comm: "",
    startNs: 0,
    entryNs: 0,
  };
  const exit = { isa, level, reason, ns, ...who, rip, info1: 0n, info2: 0n };
  print([slowLine(exit, vmOf(thread.pid), new Date(0), { unit, wide: false, timeOfDay: false })]);
}

async function report(tool: string, files: readonly string[], options: ReportOptions): Promise<void> {
  const tally = new Tally();
  const { slower } = options;
  const { summary, nsPerTick } = await readTurns(tool, files, options, (turn, nsPerTick) => {
    if (slower === undefined) tally.add(turn, nsPerTick);
    else if (turn.ended !== undefined) {
      const ns = (turn.ended - turn.exited) * nsPerTick;
      if (ns >= slower * 1e6) printSlow(turn, ns, options.unit);
    }
  });
  if (slower === undefined) show(tally, summary, nsPerTick, options);
  if (summary.ours && summary.lost === undefined)
    diagnose(`${tool}: the recording has no end, so nobody knows what was lost; was its recorder killed?`);
  if (summary.lost) diagnose(`Lost: ${summary.lost} events while recording: the ring buffer was full`);
}

function milliseconds(text: string): number {
  const value = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) throw new UsageError(`--slower takes milliseconds, not "${text}"`);
  return value;
}

/** kvm-trace's subcommand `report`. */
export function reportCommand(tool: string): Command {
  const examples = [
    [`${tool} trace.bin`, "exits by reason"],
    [`${tool} --table time --by vm trace.bin`, "what each VM's exits cost"],
    [`${tool} --slower 2 trace.bin`, "exits of 2 ms or more"],
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
    .option("--wide", "with --table time: also maxima, percentiles and shares")
    .option("--slower <ms>", "print the exits that took so long, instead of a table", milliseconds)
    .addOption(new Option("--json", "print one line of JSON").conflicts(["csv", "slower"]))
    .addOption(new Option("--csv", "print comma-separated values").conflicts("slower"));
  return clockOptions(plain).action((files: string[], options: ReportOptions) =>
    report(tool, files, options),
  );
}
