// kvm-trace export: a recording as a timeline for ui.perfetto.dev and chrome://tracing.
import { type Stats, fstatSync, statSync } from "node:fs";
import { UsageError } from "../../src/errors";
import { Timeline } from "../../src/trace/perfetto";
import type { Summary } from "../../src/trace/summary";
import type { Turn } from "../../src/trace/turns";
import { type Options, type OptionsOf, defineCommand } from "../lib/tool";
import { namedOr } from "./inputs";
import { CLOCK, RECORDINGS, readTurns } from "./read-turns";
import { TextFile } from "./text-file";

const STDIN = 0;

const OPTIONS = {
  perfetto: {
    flags: ["--perfetto"],
    value: "OUT",
    kind: "file",
    description: "where to write the JSON; compressed if it ends in .gz",
    required: true,
  },
  ...CLOCK,
} as const satisfies Options;

type ExportOptions = OptionsOf<typeof OPTIONS>;

/** A recording tells of guests: what is made of one that isn't a file is for its owner. */
const PRIVATE = 0o600;
const READ_WRITE = 0o666;

/** What is known of a file; undefined if nothing is: whoever opens it says why. */
function look(file: string): Stats | undefined {
  try {
    return file === "-" ? fstatSync(STDIN) : statSync(file);
  } catch {
    return undefined;
  }
}

/**
 * The mode for a timeline of these recordings: readable to those who can read all of them.
 * @throws UsageError if the timeline would be written over a recording
 */
function modeFor(out: string, files: readonly string[]): number {
  const target = out === "-" ? undefined : look(out);
  let mode = READ_WRITE;
  for (const file of files.length > 0 ? files : ["-"]) {
    const source = look(file);
    if (target?.isFile() && source?.ino === target.ino && source.dev === target.dev)
      throw new UsageError(`${out} is the recording itself; name another file with --perfetto`);
    mode &= source?.isFile() ? source.mode : PRIVATE;
  }
  return mode;
}

async function exportTimeline(
  tool: string,
  files: readonly string[],
  options: ExportOptions,
): Promise<number> {
  const out = new TextFile(options.perfetto, modeFor(options.perfetto, files));
  const timeline = new Timeline();
  let pieces = [timeline.begin()];
  let read = false;
  const flush = async () => {
    read = true;
    const text = pieces.join("");
    pieces = [];
    await out.write(text);
  };
  const onTurn = (turn: Turn, nsPerTick: number) => {
    pieces.push(timeline.turn(turn, nsPerTick));
    read = true;
  };
  let said: Pick<Summary, "health" | "startMs"> = { health: undefined, startMs: 0 };
  try {
    const { summary, status } = await readTurns(tool, files, options, onTurn, flush);
    said = summary;
    read = true;
    return status;
  } finally {
    // Of a damaged recording too, what came before the damage is a whole timeline. Where nothing was read, the file stays as
    // it was.
    if (read) {
      pieces.push(timeline.end(said));
      await flush();
      await out.end();
    }
  }
}

export const tool = defineCommand({
  summary: "Converts a recording to a timeline of its vCPUs.",
  examples: [
    ["--perfetto vm.json.gz trace.bin", "to open at ui.perfetto.dev"],
    ["--perfetto vm.json trace.bin", "for chrome://tracing"],
  ],
  operands: RECORDINGS,
  options: OPTIONS,
  run: ({ name, operands, options }) => exportTimeline(name, namedOr(name, operands), options),
});
