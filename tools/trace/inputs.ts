// The recordings that a kvm-trace command reads: files, or standard input.
import { closeSync, openSync, read, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { UsageError, messageOf } from "../../src/errors";
import { safeText } from "../../src/render/text";
import type { CutSource, Source } from "../../src/trace/consume";
import { diagnose } from "../lib/output";

/** Large enough that reading costs nothing beside formatting. */
const CHUNK_BYTES = 1 << 18;
const STDIN = 0;
const readInto = promisify(read);

function readable(path: string, error: unknown): UsageError {
  return new UsageError(`cannot read ${path}: ${messageOf(error)}; name a file that you may read`);
}

/** A file's bytes; each chunk is gone when the next is asked for. */
async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let file: number | undefined;
  try {
    file = path === "-" ? STDIN : openSync(path, "r");
    for (;;) {
      const { bytesRead } = await readInto(file, chunk, 0, chunk.length, null);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } catch (error) {
    throw readable(path, error);
  } finally {
    if (file !== undefined && file !== STDIN) closeSync(file);
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
