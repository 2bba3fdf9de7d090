// SPDX-License-Identifier: MIT
// --overhead: has the kernel keep run time statistics of BPF programs for as long as a tool traces.
import { closeSync } from "node:fs";
import { enableRunStatistics, runStatistics } from "../../src/native/overhead";
import { overheadLines } from "../../src/render/overhead";
import { diagnose } from "./output";

/** What is called as a trace begins and ends. */
export interface Meter {
  /** Its programs are attached. */
  begin(): void;
  /** They have stopped, and aren't unloaded yet. */
  report(): void;
}

/** CPU time of this process, in ns. */
function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Statistics of programs from begin() to end(): what some ran while others were being attached is left out. */
class Overhead implements Meter {
  #fd: number | undefined;
  #begin = process.hrtime.bigint();
  #startNs = 0;

  begin(): void {
    this.#fd = enableRunStatistics();
    // Learns the programs' names, for which root's powers are needed.
    runStatistics();
    this.#begin = process.hrtime.bigint();
    this.#startNs = cpuNs();
  }

  /** Prints the cost of the programs that are loaded. */
  report(): void {
    const elapsedNs = Number(process.hrtime.bigint() - this.#begin);
    const cost = {
      programs: runStatistics(),
      elapsedNs,
      startNs: this.#startNs,
      processNs: cpuNs() - this.#startNs,
    };
    for (const line of overheadLines(cost)) diagnose(line);
  }

  /** Turns the statistics off, unless another process keeps them on. */
  end(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

const NO_METER: Meter = { begin: () => undefined, report: () => undefined };

/**
 * Runs `trace`, with statistics if `wanted`; they are off again when it ends.
 * @throws ToolError where the kernel keeps no statistics
 */
export async function withOverhead<T>(
  wanted: boolean | undefined,
  trace: (meter: Meter) => Promise<T>,
): Promise<T> {
  if (!wanted) return trace(NO_METER);
  const overhead = new Overhead();
  try {
    return await trace(overhead);
  } finally {
    overhead.end();
  }
}
