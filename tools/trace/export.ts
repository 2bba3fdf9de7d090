// kvm-trace export: a recording as a timeline for ui.perfetto.dev and chrome://tracing.
import { statSync } from "node:fs";
import type { Command } from "commander";
import { UsageError } from "../../src/errors";
import { Timeline } from "../../src/trace/perfetto";
import { diagnose } from "../lib/output";
import { command } from "./command";
import { type ClockOptions, clockOptions, readTurns } from "./read_turns";
import { TextFile } from "./text_file";

interface ExportOptions extends ClockOptions {
  perfetto: string;
}

/** @throws UsageError if the timeline would be written over a recording */
function refuseOverwriting(out: string, files: readonly string[]): void {
  const target = statSync(out, { throwIfNoEntry: false });
  for (const file of files) {
    const source = statSync(file, { throwIfNoEntry: false });
    if (target?.isFile() && source?.ino === target.ino && source.dev === target.dev)
      throw new UsageError(`${out} is the recording itself; name another file with --perfetto`);
  }
}

async function exportTimeline(tool: string, files: readonly string[], options: ExportOptions): Promise<void> {
  refuseOverwriting(options.perfetto, files);
  const out = new TextFile(options.perfetto);
  const timeline = new Timeline();
  let pieces: string[] = [timeline.begin()];
  const flush = async () => {
    const text = pieces.join("");
    pieces = [];
    await out.write(text);
  };
  await flush();
  const onTurn = (turn: Parameters<Timeline["turn"]>[0], nsPerTick: number) => {
    pieces.push(timeline.turn(turn, nsPerTick));
  };
  let lost: number | undefined;
  let startMs = 0;
  try {
    ({ lost, startMs } = (await readTurns(tool, files, options, onTurn, flush)).summary);
  } finally {
    // Of a damaged recording too, what came before the damage is a whole timeline.
    pieces.push(timeline.end({ lost, startMs }));
    await flush();
    await out.end();
  }
  if (lost) diagnose(`Lost: ${lost} events while recording: the ring buffer was full`);
}

/** kvm-trace's subcommand `export`. */
export function exportCommand(tool: string): Command {
  const plain = command("export", tool, "Converts a recording to a timeline of its vCPUs.", [
    [`${tool} --perfetto vm.json.gz trace.bin`, "to open at ui.perfetto.dev"],
    [`${tool} --perfetto vm.json trace.bin`, "for chrome://tracing"],
  ])
    .argument("[file...]", "recordings, merged by time (default: standard input)")
    .requiredOption("--perfetto <out>", "where to write the JSON; compressed if it ends in .gz");
  return clockOptions(plain).action((files: string[], options: ExportOptions) =>
    exportTimeline(tool, files, options),
  );
}
