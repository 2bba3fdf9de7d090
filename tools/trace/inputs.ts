// The recordings that a kvm-trace command reads: files, or standard input.
import { createReadStream, readFileSync } from "node:fs";
import { UsageError, messageOf } from "../../src/errors";
import { safeText } from "../../src/render/text";
import type { CutSource, Source } from "../../src/trace/consume";
import { diagnose } from "../lib/output";

/** Large enough that reading costs nothing beside formatting. */
const CHUNK_BYTES = 1 << 18;

function readable(path: string, error: unknown): UsageError {
  return new UsageError(`cannot read ${safeText(path)}: ${messageOf(error)}; name a file that you may read`);
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const options = { highWaterMark: CHUNK_BYTES };
  const stream = path === "-" ? createReadStream("", { ...options, fd: 0 }) : createReadStream(path, options);
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw readable(path, error);
  }
}

/** The recordings named on a command line; none or `-` is standard input. */
export function recordings(paths: readonly string[]): Source[] {
  const named = paths.length > 0 ? paths : ["-"];
  return named.map((path) => ({
    name: path === "-" ? "standard input" : safeText(path),
    chunks: chunksOf(path),
  }));
}

/** A small text file as a latin1 string: its bytes. */
export function readBytes(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    throw readable(path, error);
  }
}

/** Tells of recordings whose last record is not whole, as a recorder that was killed leaves them. */
export function reportCuts(tool: string, cuts: readonly CutSource[]): void {
  for (const { name, offset, bytes } of cuts)
    diagnose(
      `${tool}: ${name}: the last record, at byte ${offset}, is cut off after ${bytes} bytes; left out`,
    );
}
