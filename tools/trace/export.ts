// kvm-trace export: a recording as a timeline for ui.perfetto.dev and chrome://tracing.
import { fstatSync, statSync } from "node:fs";
import type { Command } from "commander";
import { UsageError } from "../../src/errors";
import { Timeline } from "../../src/trace/perfetto";
import type { Summary } from "../../src/trace/summary";
import type { Turn } from "../../src/trace/turns";
import { command } from "./command";
import { type ClockOptions, clockOptions, readTurns } from "./read-turns";
import { TextFile } from "./text-file";

const STDIN = 0;

interface ExportOptions extends ClockOptions {
  perfetto: string;
}

/** @throws UsageError if the timeline would be written over a recording */
function refuseOverwriting(out: string, files: readonly string[]): void {
  const target = statSync(out, { throwIfNoEntry: false });
  for (const file of files.length > 0 ? files : ["-"]) {
    const source = file === "-" ? fstatSync(STDIN) : statSync(file, { throwIfNoEntry: false });
    if (target?.isFile() && source?.ino === target.ino && source.dev === target.dev)
      throw new UsageError(`${out} is the recording itself; name another file with --perfetto`);
  }
}

async function exportTimeline(tool: string, files: readonly string[], options: ExportOptions): Promise<void> {
  refuseOverwriting(options.perfetto, files);
  const out = new TextFile(options.perfetto);
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
    said = (await readTurns(tool, files, options, onTurn, flush)).summary;
    read = true;
  } finally {
    // Of a damaged recording too, what came before the damage is a whole timeline. Where nothing was read, whatever stood
    // in the file stays there.
    if (read) {
      pieces.push(timeline.end(said));
      await flush();
      await out.end();
    }
  }
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
