// kvm-trace export: a recording as a timeline for ui.perfetto.dev and chrome://tracing.
import type { Command } from "commander";
import { Timeline } from "../../src/trace/perfetto";
import { diagnose } from "../lib/output";
import { command } from "./command";
import { type ClockOptions, clockOptions, readTurns } from "./read_turns";
import { TextFile } from "./text_file";

interface ExportOptions extends ClockOptions {
  perfetto: string;
}

async function exportTimeline(tool: string, files: readonly string[], options: ExportOptions): Promise<void> {
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
  const { summary } = await readTurns(tool, files, options, onTurn, flush);
  pieces.push(timeline.end(summary));
  await flush();
  await out.end();
  if (summary.lost) diagnose(`Lost: ${summary.lost} events while recording: the ring buffer was full`);
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
