// SPDX-License-Identifier: MIT
// SIGTERM ends a tool, whatever the readers of its output do.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT, run } from "../tools";

const folder = mkdtempSync(join(tmpdir(), "ends-"));
const RECORDING = join(folder, "recording");
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A full pipe without a reader that reads. */
function fullPipe(): { readonly path: string; readonly close: () => void } {
  const path = join(mkdtempSync(join(folder, "full-")), "pipe");
  spawnSync("mkfifo", [path]);
  const holder = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    for (const size of [4096, 1]) for (;;) if (writeSync(holder, Buffer.alloc(size)) < size) break;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
  }
  return {
    path,
    close: () => {
      closeSync(holder);
    },
  };
}

/** Whether a tool has attached its programs: it has given up what it may do then. */
function isTracing(pid: number): boolean {
  return /^NoNewPrivs:\s1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** Runs a tool whose output and diagnostics are full pipes, or one of them, and ends it by SIGTERM. */
async function end(full: readonly (1 | 2)[], tool: string, parameters: readonly string[], traces: boolean) {
  const pipe = fullPipe();
  const stdio = ([1, 2] as const).map((fd) => (full.includes(fd) ? openSync(pipe.path, "w") : "ignore"));
  const program = join(PROJECT, "dist", "bin", `${tool}.js`);
  const child = spawn(process.execPath, [program, ...parameters], { stdio: ["ignore", ...stdio] });
  for (const file of stdio) if (typeof file === "number") closeSync(file);
  const { pid } = child;
  assert.ok(pid !== undefined);
  const ended = new Promise<string>((resolve) => {
    child.on("exit", (status, signal) => {
      resolve(`${status ?? ""} ${signal ?? ""}`);
    });
  });
  while (traces && !isTracing(pid)) await sleep(20);
  // Long enough for its first output to be under way.
  await sleep(1500);
  assert.equal(child.exitCode, null, `${tool} ${parameters.join(" ")} has ended by itself`);
  child.kill("SIGTERM");
  assert.match(await ended, /^( SIGTERM|143 )$/, `${tool} ${parameters.join(" ")}`);
  pipe.close();
}

const TRACING: readonly (readonly [tool: string, ...parameters: string[]])[] = [
  ["kvm-vmexit-count", "0.1"],
  ["kvm-vmexit-slower", "0", "--csv"],
  ["kvm-stat", "-l", "-s", "0.1"],
  ["kvm-trace", "record", "-o", join(folder, "unread")],
];

test("SIGTERM ends tools that trace, though their output and diagnostics aren't read", async () => {
  const guest = spawn(GUEST, ["--cpuid", "4000000000"], { stdio: "ignore" });
  try {
    for (const [tool, ...parameters] of TRACING) await end([1, 2], tool, parameters, true);
    await end([2], "kvm-vmexit-count", [], true);
  } finally {
    guest.kill("SIGKILL");
  }
});

test("SIGTERM ends tools that read recordings, even if what they print isn't read", async () => {
  const { status, stderr } = run("kvm-trace", "record", "-o", RECORDING, "--", GUEST, "--cpuid", "20000");
  assert.equal(status, 0, stderr);
  const definitions = join(folder, "definitions");
  writeFileSync(definitions, "0 %(tsc)d %(event)s\n");
  for (const parameters of [
    ["format", definitions, RECORDING],
    ["report", RECORDING],
    ["report", "--slower", "0", RECORDING],
    ["export", "--perfetto", "/dev/stdout", RECORDING],
  ])
    await end([1], "kvm-trace", parameters, false);
});
