// SPDX-License-Identifier: MIT
// kvm-trace export: a recording as a timeline for ui.perfetto.dev and chrome://tracing.
import { Timeline } from "../../src/trace/perfetto";
import type { Summary } from "../../src/trace/summary";
import type { Turn } from "../../src/trace/turns";
import { checkApart, narrowestMode } from "../lib/files";
import { TextFile } from "../lib/text-file";
import { type Options, type OptionsOf, defineCommand } from "../lib/tool";
import { namedOr } from "./inputs";
import { CLOCK, RECORDINGS, readTurns } from "./read-turns";

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

async function exportTimeline(
  tool: string,
  files: readonly string[],
  options: ExportOptions,
): Promise<number> {
  const sources = files.length > 0 ? files : ["-"];
  checkApart(options.perfetto, sources, "the recording itself; name another file with --perfetto");
  const out = new TextFile(options.perfetto, narrowestMode(sources), "name another file with --perfetto");
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
