// SPDX-License-Identifier: MIT
// kvm-stat and, where the project's folder has it beside it, kvm_stat, logging the same workload.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../tools";

const REFERENCE = join(PROJECT, "..", "shared", "seeds", "kvm_stat.el8.py");
export const TOOL = join(PROJECT, "dist", "bin", "kvm-stat.js");

/** How to run kvm_stat; undefined where it isn't there, and what it would show is recorded in the tests. */
export const kvmStat = existsSync(REFERENCE) ? ["/usr/bin/python3", REFERENCE] : undefined;

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 1200) throw new Error(`waited for ${what} in vain`);
    await sleep(100);
  }
}

/** Counts by name, in the order of the columns. */
export type Sums = ReadonlyMap<string, number>;

/** A program that logs CSV to a file, second by second. */
export class Logger {
  readonly file = join(mkdtempSync(join(tmpdir(), "stat-")), "log.csv");
  readonly child: ChildProcess;
  stderr = "";

  constructor(command: readonly string[], ...parameters: string[]) {
    const [program = "", ...rest] = command;
    this.child = spawn(program, [...rest, "-c", "-s", "1", "-L", this.file, ...parameters]);
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
  }

  get lines(): string[] {
    return existsSync(this.file) ? readFileSync(this.file, "utf8").trimEnd().split("\n") : [];
  }

  /** Waits until it counts: then the file is there, and of ours the header in it. */
  async ready(): Promise<void> {
    await until(`a log of ${this.child.spawnargs.join(" ")}: ${this.stderr}`, () => {
      if (this.child.exitCode !== null) throw new Error(this.stderr);
      return existsSync(this.file);
    });
  }

  /** Ends it after two more lines and more, which kvm_stat takes where it is slow, and sums its columns up. */
  async end(signal: NodeJS.Signals = "SIGINT"): Promise<Sums> {
    await sleep(5000);
    const closed = new Promise((resolve) => this.child.on("close", resolve));
    this.child.kill(signal);
    await closed;
    const [header = "", ...rows] = this.lines.map((line) => line.split(","));
    const [, ...names] = header;
    return new Map(
      names.map((name, column) => [name, rows.reduce((sum, row) => sum + Number(row[column + 1]), 0)]),
    );
  }
}

/** Runs a command to its end, counted by kvm-stat and by kvm_stat if it is there. */
export async function counted(
  parameters: readonly string[],
  workload: () => Promise<void>,
): Promise<{ ours: Sums; theirs: Sums | undefined }> {
  const loggers = [[process.execPath, TOOL], ...(kvmStat ? [kvmStat] : [])].map(
    (command) => new Logger(command, ...parameters),
  );
  for (const logger of loggers) await logger.ready();
  await sleep(1000);
  await workload();
  const [ours = new Map<string, number>(), theirs] = await Promise.all(loggers.map((logger) => logger.end()));
  return { ours, theirs };
}
