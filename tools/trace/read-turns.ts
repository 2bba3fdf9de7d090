// SPDX-License-Identifier: MIT
// Reads recordings as turns, for the commands that understand events: report and export.
import { ISA } from "../../src/contract";
import { UsageError } from "../../src/errors";
import { type Source, consume } from "../../src/trace/consume";
import { isEvent } from "../../src/trace/read-recording";
import { INSTRUCTION_SETS, OTHERS_ISA } from "../../src/reasons";
import type { Summary } from "../../src/trace/summary";
import type { Damage } from "../../src/trace/reader";
import { MAX_REASONS, MAX_SLOTS, MAX_THREADS, type Turn, Turns } from "../../src/trace/turns";
import { diagnose, outputEnded } from "../lib/output";
import { type Operand, type OptionsOf, under } from "../lib/tool";
import { DAMAGED, Damages, endSignal, recordings, reportCuts } from "./inputs";
import { megahertz } from "./megahertz";

/** Options for recordings that don't tell their clock's rate and instruction set: kvmtrace's own. */
export const CLOCK = under("kvmtrace", {
  c: { flags: ["-c"], value: "MHZ", description: "the clock's rate in MHz" },
  isa: {
    flags: ["--isa"],
    value: "ISA",
    description: "the instruction set of the host",
    choices: INSTRUCTION_SETS,
    default: "vmx",
  },
});

export type ClockOptions = OptionsOf<typeof CLOCK>;

export const RECORDINGS: readonly Operand[] = [
  {
    name: "FILE",
    description:
      "recordings, merged by time (default: standard input, or kvm-trace.bin if that is a terminal)",
    kind: "file",
    many: true,
  },
];

/** What came of reading recordings. */
export interface Turned {
  /** What they say about themselves. */
  readonly summary: Summary;
  /** How long a tick lasts. */
  readonly nsPerTick: number;
  /** The exit status: 2 if one of them is damaged. */
  readonly status: number;
}

/** Says what the recordings, or this reading of them, lack. */
function tellLosses(tool: string, summary: Summary, interrupted: boolean): void {
  const { ours, lost, unwritten, inGaps, others, damaged } = summary;
  if (others > 0)
    diagnose(
      `${tool}: ${others} exits are counted as others, most of them without a time: the bounds are ${MAX_THREADS} threads, ` +
        `${MAX_REASONS} reasons and ${MAX_SLOTS} of both, and instruction sets have numbers below ${OTHERS_ISA}`,
    );
  if (interrupted) diagnose(`${tool}: interrupted; what follows in the recording is left out`);
  else if (ours && lost === undefined) {
    if (!damaged)
      diagnose(`${tool}: the recording has no end, so what was lost is unknown; was its recorder killed?`);
    if (inGaps > 0) diagnose(`Lost: ${inGaps} events while recording, and perhaps more`);
  }
  if (lost !== undefined && lost > inGaps)
    diagnose(
      `${tool}: the recording doesn't tell where ${lost - inGaps} of its lost events are missing: times may be too long`,
    );
  if (lost) diagnose(`Lost: ${lost} events while recording`);
  for (const [why, count] of [
    ["it had its --max-size", unwritten?.sizeLimit],
    ["it could not be written any more, as on a full disk", unwritten?.writeFailed],
  ] as const)
    if (count) diagnose(`Lost: ${count} events that did not fit in the file: ${why}`);
}

/** Takes a turn, with how long a tick lasts and what the recordings have said about themselves so far. */
type OnTurn = (turn: Turn, nsPerTick: number, summary: Summary) => void;

/** Reads the recordings of these files, or of standard input if there are none; see readTurnsOf(). */
export function readTurns(
  tool: string,
  files: readonly string[],
  options: ClockOptions,
  onTurn: OnTurn,
  pause?: () => Promise<void>,
): Promise<Turned> {
  const signal = endSignal();
  return readTurnsOf(tool, recordings(files, signal), signal, options, onTurn, pause);
}

/**
 * Reads recordings, several of them merged by time, and gives their turns out as they end.
 * @param signal ends the reading early
 */
export async function readTurnsOf(
  tool: string,
  sources: readonly Source[],
  signal: AbortSignal,
  options: ClockOptions,
  onTurn: OnTurn,
  pause?: () => Promise<void>,
): Promise<Turned> {
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
  const damages = new Damages(tool);
  const onDamage = (damage: Damage, source: number) => {
    damages.add(sources[source]?.name ?? "", damage);
    turns.damage(source);
  };
  const reading = { knows: isEvent, merge: sources.length > 1, signal, pause, onDamage };
  const cuts = await consume(sources, reading, (record, source) => {
    turns.record(record, source);
  });
  turns.end();
  reportCuts(tool, cuts);
  const damaged = damages.end();
  if (!outputEnded()) tellLosses(tool, turns.summary, signal.aborted);
  const { summary } = turns;
  return { summary, nsPerTick: summary.ticks === 0 ? 1 : nsPerTick(), status: damaged ? DAMAGED : 0 };
}
