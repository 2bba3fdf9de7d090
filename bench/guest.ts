// SPDX-License-Identifier: MIT
// What all parts of the bench start: the guest whose turns are timed, and our tools.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Turn } from "./results";

// From dist/bench/.
export const ROOT = join(__dirname, "..", "..");
const GUEST = join(ROOT, "build/lab/guest");

// Our tools take in what ended vCPUs counted once a second; until then a vCPU at the same address has its record elsewhere.
export const READING_MS = 1100;

/** Virtual time of an instruction: one under --icount; Bochs makes 200 million of them a second (lab/bochs.sh). */
export const NS_PER_INSTRUCTION = process.env["KVM_LAB"] === "vmx" ? 5 : 1;

/** Instructions that take so many ns. */
export function instructions(ns: number): number {
  return ns / NS_PER_INSTRUCTION;
}

/** The command that starts one of our tools. */
export function tool(name: string, ...parameters: string[]): string[] {
  return [process.execPath, join(ROOT, "dist/bin", `${name}.js`), ...parameters];
}

/** CPU time of a thread, by its folder in /proc, in ns. */
export function threadNs(folder: string): number {
  return Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]);
}

/** Runs the guest to its end. */
export function runGuest(...parameters: readonly string[]): Turn {
  const { stdout, stderr, status } = spawnSync(GUEST, [...parameters, "--time", "--cpu-time"], {
    encoding: "utf8",
  });
  const printed = (pattern: RegExp) => instructions(Number(pattern.exec(stdout)?.[1]));
  const turn = {
    thread: printed(/^([\d.]+) ns of CPU per turn/m),
    elapsed: printed(/^([\d.]+) ns per turn/m),
  };
  if (status !== 0 || Number.isNaN(turn.thread + turn.elapsed)) throw new Error(`guest: ${stderr}`);
  return turn;
}
