// SPDX-License-Identifier: MIT
// Runs the built tools as a user does, for the tests.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after } from "node:test";

/** The project's folder, from dist/test/. */
export const PROJECT = join(__dirname, "..", "..");
export const GUEST = join(PROJECT, "build", "lab", "guest");

// A flood of slow exits is some MiB.
const MAX_OUTPUT = 64 * 2 ** 20;

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const path = (tool: string) => join(PROJECT, "dist", "bin", `${tool}.js`);

/** Runs a tool to its end. */
export function run(tool: string, ...parameters: string[]): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path(tool), ...parameters], {
    encoding: "utf8",
    maxBuffer: MAX_OUTPUT,
  });
  return { status, stdout, stderr };
}

// A child that a failed test left running would keep the file of tests from its end.
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** A tool that runs on while the test does other things. */
export class Running {
  readonly child: ChildProcess;
  #stdout = "";
  #stderr = "";

  constructor(tool: string, ...parameters: string[]) {
    this.child = spawn(process.execPath, [path(tool), ...parameters]);
    children.push(this.child);
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
  }

  /** Its diagnostics so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until `pattern` matches the tool's output or diagnostics. */
  async seen(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#stdout) && !pattern.test(this.#stderr)) {
      if (this.child.exitCode !== null) throw new Error(`ended before ${String(pattern)}: ${this.#stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Result> {
    const closed = new Promise<number | null>((resolve) => this.child.on("close", resolve));
    this.child.kill(signal);
    return { status: await closed, stdout: this.#stdout, stderr: this.#stderr };
  }
}
