// --overhead: has the kernel keep run time statistics of BPF programs for as long as a tool traces.
import { closeSync } from "node:fs";
import { enableRunStatistics, runStatistics } from "../../src/native";
import { overheadLines } from "../../src/render/overhead";
import { diagnose } from "./output";

/** The option, on every tool that traces. */
export const OVERHEAD_HELP = "say on stderr in the end what tracing cost, as the kernel measured it";

/** Statistics from the moment it is made until end(). */
export class Overhead {
  readonly #fd = enableRunStatistics();
  readonly #begin = process.hrtime.bigint();
  readonly #cpu = process.cpuUsage();

  /** Prints the cost of the programs that are loaded. */
  report(): void {
    const elapsedNs = Number(process.hrtime.bigint() - this.#begin);
    const { user, system } = process.cpuUsage(this.#cpu);
    const cost = { programs: runStatistics(), elapsedNs, processNs: (user + system) * 1000 };
    for (const line of overheadLines(cost)) diagnose(line);
  }

  /** Turns the statistics off, unless somebody else wants them too. */
  end(): void {
    closeSync(this.#fd);
  }
}

/**
 * Runs `trace`, with statistics if `wanted`; they are off again when it ends. `trace` calls `report` when its programs
 * have stopped and aren't unloaded yet.
 * @throws ToolError where the kernel keeps no statistics
 */
export async function withOverhead<T>(
  wanted: boolean | undefined,
  trace: (report: () => void) => Promise<T>,
): Promise<T> {
  if (!wanted) return trace(() => undefined);
  const overhead = new Overhead();
  try {
    return await trace(() => {
      overhead.report();
    });
  } finally {
    overhead.end();
  }
}
