// Reads recordings as turns, for the commands that understand events: report and export.
import { ISA } from "../../src/contract";
import { type Command, Option } from "commander";
import { UsageError } from "../../src/errors";
import { consume } from "../../src/trace/consume";
import { EVENT } from "../../src/trace/events";
import type { Summary } from "../../src/trace/summary";
import { type Turn, Turns } from "../../src/trace/turns";
import { diagnose, outputEnded } from "../lib/output";
import { endSignal, recordings, reportCuts } from "./inputs";
import { megahertz } from "./megahertz";

/** Options for recordings that don't tell their clock's rate and instruction set: kvmtrace's own. */
export interface ClockOptions {
  c?: string;
  isa: "vmx" | "svm";
}

const KNOWN = new Set<number>(Object.values(EVENT));
/** kvmtrace's categories: later versions had more events in them. */
const KVMTRACE_CATEGORIES = new Set([1, 2]);

/** Adds the options to a command. */
export function clockOptions(to: Command): Command {
  return to
    .option("-c <mhz>", "the clock's rate, for kvmtrace's own recordings")
    .addOption(
      new Option("--isa <isa>", "whose exits they are, for the same").choices(["vmx", "svm"]).default("vmx"),
    );
}

/** Says what the recordings, or this reading of them, lack. */
function tellLosses(tool: string, { ours, lost, unwritten }: Summary, interrupted: boolean): void {
  if (interrupted) diagnose(`${tool}: interrupted; what follows in the recording is left out`);
  else if (ours && lost === undefined)
    diagnose(`${tool}: the recording has no end, so nobody knows what was lost; was its recorder killed?`);
  if (lost) diagnose(`Lost: ${lost} events while recording`);
  for (const [why, count] of [
    ["it had its --max-size", unwritten?.sizeLimit],
    ["it could not be written any more, as on a full disk", unwritten?.writeFailed],
  ] as const)
    if (count) diagnose(`Lost: ${count} events that did not fit in the file: ${why}`);
}

/**
 * Reads recordings, those of several files merged by time, and gives their turns out as they end.
 * @returns what the recordings say about themselves, and how long a tick lasts
 */
export async function readTurns(
  tool: string,
  files: readonly string[],
  options: ClockOptions,
  onTurn: (turn: Turn, nsPerTick: number, summary: Summary) => void,
  pause?: () => Promise<void>,
): Promise<{ summary: Summary; nsPerTick: number }> {
  const mhz = megahertz(options.c);
  const nsPerTick = () => {
    const rate = turns.summary.ticksPerUs || mhz;
    if (rate <= 0)
      throw new UsageError("the recording doesn't tell its clock's rate; give it with -c, such as -c 2400");
    return 1000 / rate;
  };
  const turns = new Turns(ISA[options.isa], (turn) => {
    onTurn(turn, nsPerTick(), turns.summary);
  });
  const knows = (event: number) => KNOWN.has(event) || KVMTRACE_CATEGORIES.has(event >>> 16);
  const signal = endSignal();
  const reading = { knows, merge: files.length > 1, signal, pause };
  const cuts = await consume(recordings(files, signal), reading, (record, source) => {
    turns.record(record, source);
  });
  turns.end();
  reportCuts(tool, cuts);
  if (!outputEnded()) tellLosses(tool, turns.summary, signal.aborted);
  return { summary: turns.summary, nsPerTick: turns.summary.ticks === 0 ? 1 : nsPerTick() };
}
