// What all parts of the bench start: the guest whose turns are timed, and our tools.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Turn } from "./results";

// From dist/bench/.
export const ROOT = join(__dirname, "..", "..");
const GUEST = join(ROOT, "build/lab/guest");

// Our tools take in what ended vCPUs counted once a second; a vCPU at the same address then finds its usual record free.
export const READING_MS = 1100;

/** The command that starts one of our tools. */
export function tool(name: string, ...parameters: string[]): string[] {
  return [process.execPath, join(ROOT, "dist/bin", `${name}.js`), ...parameters];
}

/** Runs the guest to its end. */
export function runGuest(...parameters: string[]): Turn {
  const { stdout, stderr, status } = spawnSync(GUEST, [...parameters, "--time", "--cpu-time"], {
    encoding: "utf8",
  });
  const [elapsed, thread] = [...stdout.matchAll(/^([\d.]+) ns/gm)].map((match) => Number(match[1]));
  if (status !== 0 || elapsed === undefined || thread === undefined) throw new Error(`guest: ${stderr}`);
  return { thread, elapsed };
}
