// SPDX-License-Identifier: MIT
// SIGTERM ends a tool, whatever the readers of its output do.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT, run } from "../tools";

const folder = mkdtempSync(join(tmpdir(), "ends-"));
const RECORDING = join(folder, "recording");
const DEFINITIONS = join(folder, "definitions");
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

/** Runs a tool whose output and diagnostics are full pipes, or one of them, and ends it by SIGTERM. @param input read by the tool */
async function end(full: readonly (1 | 2)[], tool: string, parameters: readonly string[], input?: string) {
  const traces = input === undefined;
  const called = `${tool} ${parameters.join(" ")}`;
  const pipe = fullPipe();
  const stdio = ([1, 2] as const).map((fd) => (full.includes(fd) ? openSync(pipe.path, "w") : "ignore"));
  const program = join(PROJECT, "dist", "bin", `${tool}.js`);
  const stdin = traces ? "ignore" : openSync(input, "r");
  const child = spawn(process.execPath, [program, ...parameters], { stdio: [stdin, ...stdio] });
  for (const file of [stdin, ...stdio]) if (typeof file === "number") closeSync(file);
  const { pid } = child;
  assert.ok(pid !== undefined);
  const ended = new Promise<string>((resolve) => {
    child.on("exit", (status, signal) => {
      resolve(`${status ?? ""} ${signal ?? ""}`);
    });
  });
  while (traces && child.exitCode === null && !isTracing(pid)) await sleep(20);
  // For its first output to be under way; a tool that is slower is ended before, which it has to stand as well.
  await sleep(1500);
  assert.equal(child.exitCode, null, `${called} has ended by itself`);
  child.kill("SIGTERM");
  assert.match(await ended, /^( SIGTERM|143 )$/, called);
  pipe.close();
}

/** Runs a tool at a terminal that takes nothing more, and ends it by SIGTERM. */
async function endAtTerminal(tool: string, ...parameters: string[]): Promise<void> {
  const pipe = fullPipe();
  const output = openSync(pipe.path, "w");
  const pidFile = `${pipe.path}-pid`;
  const program = join(PROJECT, "dist", "bin", `${tool}.js`);
  const command = `echo $$ >${pidFile}; exec ${[process.execPath, program, ...parameters].join(" ")}`;
  // script(1) writes what the terminal shows to the full pipe, and so comes to read no more of it.
  const terminal = spawn("script", ["--quiet", "--command", command, "/dev/null"], {
    stdio: ["pipe", output, "ignore"],
    env: { ...process.env, TERM: "xterm", SHELL: "/bin/sh" },
  });
  closeSync(output);
  while (!existsSync(pidFile) || readFileSync(pidFile, "utf8") === "") await sleep(20);
  const pid = Number(readFileSync(pidFile, "utf8"));
  while (isThere(pid) && !isTracing(pid)) await sleep(20);
  // A terminal keeps 4 KiB for its reader, which some frames of a busy screen fill.
  await sleep(4000);
  assert.ok(isThere(pid), `${tool} has ended by itself`);
  process.kill(pid, "SIGTERM");
  while (isThere(pid)) await sleep(20);
  terminal.kill("SIGKILL");
  pipe.close();
}

/** Whether a process is there and has not ended. */
function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Every tool that traces. */
const TRACING: readonly (readonly [tool: string, ...parameters: string[]])[] = [
  ["kvm-vmexit", "count", "0.1"],
  ["kvm-vmexit", "time", "0.1", "--json", "--by", "vcpu"],
  ["kvm-vmexit", "hist", "-i", "0.1", "--csv"],
  ["kvm-vmexit", "slower", "0", "--csv"],
  ["kvm-vmexit", "split", "0.1"],
  ["kvm-vmexit", "vmm", "0.1"],
  ["kvm-vmexit", "export", "--listen", join(folder, "socket")],
  ["kvm-stat", "-l", "-s", "0.1"],
  ["kvm-trace", "record", "-o", join(folder, "unread")],
];

test("SIGTERM ends tools that trace, though their output and diagnostics aren't read", async () => {
  const guest = spawn(GUEST, ["--cpuid", "4000000000"], { stdio: "ignore" });
  try {
    await Promise.all([
      ...TRACING.map(([tool, ...parameters]) => end([1, 2], tool, parameters)),
      end([2], "kvm-vmexit", ["count"]),
      endAtTerminal("kvm-vmexit", "top", "0.1"),
      endAtTerminal("kvm-stat", "-s", "0.1"),
    ]);
  } finally {
    guest.kill("SIGKILL");
  }
});

/** Every tool that reads files or looks at the host; standard input is the recording. */
const READING: readonly (readonly [tool: string, ...parameters: string[]])[] = [
  ["kvm-trace", "format", DEFINITIONS, RECORDING],
  ["kvmtrace_format", DEFINITIONS],
  ["kvm-trace", "report", RECORDING],
  ["kvm-trace", "report", "--slower", "0", RECORDING],
  ["kvm-trace", "export", "--perfetto", "/dev/stdout", RECORDING],
  ["kvm-vmexit", "report", RECORDING],
  ["kvm-vmexit", "report", "--json", RECORDING],
  ["kvm-vmexit", "report", "--html", "/dev/stdout", RECORDING],
  ["kvm-vmexit", "report"],
  ["kvm-vmexit", "doctor"],
  ["kvm-vmexit", "doctor", "--json"],
  ["kvm-vmexit", "help", "time"],
];

test("SIGTERM ends tools that read recordings or look at the host, even if what they print isn't read", async () => {
  const { status, stderr } = run("kvm-trace", "record", "-o", RECORDING, "--", GUEST, "--cpuid", "20000");
  assert.equal(status, 0, stderr);
  writeFileSync(DEFINITIONS, "0 %(tsc)d %(event)s\n");
  await Promise.all(READING.map(([tool, ...parameters]) => end([1, 2], tool, parameters, RECORDING)));
});
