// kvm-trace report: the live tools' tables from a recording.
import { type Command, Option } from "commander";
import { UsageError } from "../../src/errors";
import { countTable } from "../../src/render/count";
import { jsonLine } from "../../src/render/json";
import { lostLines } from "../../src/render/lost";
import { type GroupOf, Ledger, type Samples } from "../../src/samples";
import { codeName } from "../../src/trace/exit_name";
import { Tally } from "../../src/trace/tally";
import { csvLines, timeTable } from "../../src/trace/time_table";
import type { Turn } from "../../src/trace/turns";
import { diagnose, print } from "../lib/output";
import { command } from "./command";
import { clockOptions, readTurns, type ClockOptions } from "./read_turns";

interface ReportOptions extends ClockOptions {
  by: "all" | "vm" | "vcpu";
  table: "count" | "time";
  slower?: number;
  json?: true;
  csv?: true;
}

const GROUPS: Readonly<Record<ReportOptions["by"], GroupOf>> = {
  all: () => "",
  vm: (vcpus, row) => `PID ${vcpus.tgid[row] ?? 0}`,
  vcpu: (vcpus, row) =>
    `PID ${vcpus.tgid[row] ?? 0} TID ${vcpus.tid[row] ?? 0} vCPU ${vcpus.vcpuId[row] ?? 0}`,
};

function slowLine(turn: Turn, nsPerTick: number): string {
  const { thread, level, exited, ended = exited } = turn;
  const seconds = ((exited * nsPerTick) / 1e9).toFixed(6).padStart(12);
  const ms = (((ended - exited) * nsPerTick) / 1e6).toFixed(3).padStart(10);
  const who = `${String(thread.pid).padStart(7)} ${String(thread.tid).padStart(7)} ${String(thread.vcpu).padStart(4)}`;
  return `${seconds} ${who} L${level} ${ms} ${codeName(turn.isa, turn.code)}`;
}

function printTables(groups: ReadonlyMap<string, Samples>, options: ReportOptions): void {
  const tableOf = options.table === "time" ? timeTable : countTable;
  const all = groups.size > 0 ? groups : new Map([["", new Map() as Samples]]);
  for (const [group, samples] of all) {
    if (group !== "") print([group]);
    print(tableOf(samples));
  }
}

async function report(tool: string, files: readonly string[], options: ReportOptions): Promise<void> {
  const tally = new Tally();
  const slower = options.slower;
  if (slower !== undefined) print(["     TIME(s)     PID     TID VCPU LV       (ms) REASON"]);
  const { summary, nsPerTick } = await readTurns(tool, files, options, (turn, nsPerTick) => {
    if (slower === undefined) tally.add(turn, nsPerTick);
    else if (turn.ended !== undefined && (turn.ended - turn.exited) * nsPerTick >= slower * 1e6)
      print([slowLine(turn, nsPerTick)]);
  });
  const { lost } = tally.snapshot(summary.lost ?? 0);
  if (summary.ours && summary.lost === undefined)
    diagnose(`${tool}: the recording has no end, so how much was lost isn't known; was its recorder killed?`);
  if (slower === undefined) {
    const ledger = new Ledger(GROUPS[options.by]);
    ledger.update(tally.snapshot(summary.lost ?? 0));
    const groups = ledger.totals();
    if (options.csv) print(csvLines(groups));
    else if (options.json) {
      const start = new Date(summary.startMs);
      const end = new Date(summary.startMs + (summary.ticks * nsPerTick) / 1e6);
      const samples = groups.get("") ?? (new Map() as Samples);
      print([jsonLine("kvm-trace", { start, end, final: true }, samples, lost)]);
    } else printTables(groups, options);
  }
  for (const line of lostLines(lost)) diagnose(line);
}

function milliseconds(text: string): number {
  const value = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) throw new UsageError(`--slower takes milliseconds, not "${text}"`);
  return value;
}

export function reportCommand(tool: string): Command {
  const report_ = command(
    "report",
    tool,
    "Counts and times the exits in a recording, as the live tools do.",
    [
      [`${tool} trace.bin`, "exits by reason"],
      [`${tool} --table time --by vm trace.bin`, "what each VM's exits cost"],
      [`${tool} --slower 2 trace.bin`, "every exit that took 2 ms or more"],
      [`${tool} -c 2400 trace.0 trace.1`, "kvmtrace's files, of a TSC of 2.4 GHz"],
    ],
  )
    .argument("[file...]", "recordings, by time together (default: standard input)")
    .addOption(new Option("--by <group>", "one table for each").choices(["all", "vm", "vcpu"]).default("all"))
    .addOption(new Option("--table <kind>", "what to show").choices(["count", "time"]).default("count"))
    .option("--slower <ms>", "print the exits that took so long, instead of a table", milliseconds)
    .addOption(new Option("--json", "print JSON, all VMs together").conflicts(["by", "csv"]))
    .option("--csv", "print comma-separated values");
  return clockOptions(report_).action((files: string[], options: ReportOptions) =>
    report(tool, files, options),
  );
}
