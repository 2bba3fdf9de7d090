// SPDX-License-Identifier: MIT
// Programs that trace until they are told to end, and the CPU time that they take.
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { threadNs } from "./guest";

const READY = /Tracing|Recording|Listening/;

/** What every tool is made of: it says that it traces, and waits. */
export const NODE_ALONE: readonly string[] = [
  process.execPath,
  "-e",
  "console.error('Tracing'); process.on('SIGINT', () => process.exit()); setInterval(() => {}, 1e9)",
];

/** CPU time of a process's threads that live, in ns. */
export function cpuNs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((tid) => threadNs(`/proc/${pid}/task/${tid}`))
    .reduce((sum, ns) => sum + ns, 0);
}

/** Starts a program and waits until it says that it traces, or prints. @throws with what it said, if it ends before */
export async function start(command: readonly string[]): Promise<ChildProcess & { readonly pid: number }> {
  const [program = "", ...parameters] = command;
  const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => {
      reject(new Error(`${command.join(" ")}: ${said}`));
    });
    // Unread output would fill the pipe.
    child.stdout.on("data", () => {
      resolve();
    });
    child.stderr.on("data", (data: Buffer) => {
      said += data.toString();
      if (READY.test(said)) resolve();
    });
  });
  return child as ChildProcess & { readonly pid: number };
}

/** Has it end as Ctrl-C does, and waits for that. */
export async function end(child: ChildProcess): Promise<void> {
  child.removeAllListeners("exit");
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  await ended;
}
