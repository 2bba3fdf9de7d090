// SPDX-License-Identifier: MIT
// What tools may do once their programs are attached, by /proc, in every thread; and that they go on working so.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { CAPABILITY } from "../../src/native/privileges";
import { GUEST, PROJECT, Running, run } from "../tools";
import { jsonLines } from "./json";
import { kernelIsAtLeast } from "./machine";

const folder = mkdtempSync(join(tmpdir(), "powers-"));
const NAMED = join(folder, "web1");
symlinkSync(GUEST, NAMED);
chmodSync(folder, 0o755);
chmodSync("/dev/kvm", 0o666);
const STRANGER = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] as const;

const { SYS_PTRACE, DAC_READ_SEARCH, BPF, KILL } = CAPABILITY;
// Before Linux 6.0 a process without it may not even write maps that it has open.
const MAPS = kernelIsAtLeast(6, 0) ? [] : [BPF];
const NAMES = [SYS_PTRACE, DAC_READ_SEARCH];

function mask(...capabilities: number[]): string {
  return capabilities
    .reduce((sum, capability) => sum | (1n << BigInt(capability)), 0n)
    .toString(16)
    .padStart(16, "0");
}

/** Lines of /proc/PID/status about powers. */
function powersOf(status: string): Record<string, string> {
  return Object.fromEntries(
    [...status.matchAll(/^(Cap\w+|NoNewPrivs):\s+(\w+)$/gm)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]),
  );
}

const ownPowers = () => powersOf(readFileSync("/proc/self/status", "utf8"));

/** The powers of each thread of a process. */
function powersOfThreads(pid: number): Record<string, string>[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).map((thread) => powersOf(readFileSync(`${tasks}/${thread}/status`, "utf8")));
}

/** Waits until a tool has given up what it may do, and asserts what all its threads have left. */
async function assertPowers(pid: number, left: readonly number[]): Promise<void> {
  while (powersOf(readFileSync(`/proc/${pid}/status`, "utf8"))["NoNewPrivs"] === "0")
    await new Promise((resolve) => setTimeout(resolve, 20));
  // The thread that asks the others is the first to give up its own.
  while (powersOfThreads(pid).some((powers) => powers["NoNewPrivs"] === "0"))
    await new Promise((resolve) => setTimeout(resolve, 20));
  const has = mask(...left);
  const none = mask();
  const threads = powersOfThreads(pid);
  assert.ok(threads.length > 1);
  for (const powers of threads)
    assert.deepEqual(powers, {
      CapInh: none,
      CapPrm: has,
      CapEff: has,
      CapBnd: has,
      CapAmb: none,
      NoNewPrivs: "1",
    });
}

/** Runs a tool beside a VM of another user that starts once it has given up its powers. */
async function beside(tool: string, parameters: readonly string[], ready: RegExp, left: readonly number[]) {
  const running = new Running(tool, ...parameters);
  const { pid } = running.child;
  assert.ok(pid !== undefined);
  try {
    await running.seen(ready);
    await assertPowers(pid, left);
  } catch (error) {
    running.child.kill("SIGKILL");
    throw error;
  }
  const guest = spawnSync(STRANGER[0], [...STRANGER.slice(1), NAMED, "--cpuid", "101", "--rdmsr", "41"], {
    encoding: "utf8",
  });
  assert.equal(guest.status, 0, guest.stderr);
  return running;
}

for (const attach of ["auto", "record"])
  test(`kvm-vmexit-count --attach ${attach} counts exactly without any capability`, async () => {
    const tool = await beside("kvm-vmexit-count", ["--json", "--attach", attach], /Tracing/, MAPS);
    const result = await tool.end("SIGINT");
    assert.deepEqual([result.status, result.stderr], [0, "Tracing... Hit Ctrl-C to end.\n"]);
    const counts = jsonLines(result)
      .flatMap(({ exits }) => exits)
      .map(({ name, count }) => [name, count.total]);
    assert.deepEqual(
      counts.filter(([name]) => name === "CPUID"),
      [["CPUID", 101]],
    );
  });

test("kvm-vmexit-count --by vm names VMs of other users that start later", async () => {
  const tool = await beside("kvm-vmexit-count", ["--json", "--by", "vm"], /Tracing/, [...MAPS, ...NAMES]);
  const result = await tool.end("SIGINT");
  assert.equal(result.status, 0, result.stderr);
  const vms = jsonLines(result)
    .flatMap(({ exits }) => exits)
    .filter(({ name }) => name === "CPUID");
  assert.deepEqual(
    vms.map(({ vm, count }) => [vm, count.total]),
    [["web1", 101]],
  );
});

test("kvm-vmexit-slower names them, too", async () => {
  const tool = await beside("kvm-vmexit-slower", ["0", "--wide", "--reasons", "CPUID"], /Tracing/, [
    ...MAPS,
    ...NAMES,
  ]);
  const { status, stdout } = await tool.end("SIGINT");
  assert.equal(status, 0);
  assert.equal(stdout.match(/\bweb1\b/g)?.length, 101);
});

test("kvm-stat -l goes on counting, from tracepoints and from debugfs", async () => {
  for (const source of ["-t", "-d"]) {
    const tool = await beside(
      "kvm-stat",
      [source, "-l", "-c", "-f", "^exits$|^kvm_exit$"],
      /timestamp/,
      source === "-d" ? [...MAPS, ...NAMES] : MAPS,
    );
    // A VM that is there when debugfs is read: its folder goes with it.
    const guest = spawn(GUEST, ["--cpuid", "1000000000"]);
    await tool.seen(/^[\d: -]+,[1-9]\d\d/m);
    guest.kill("SIGKILL");
    const { status, stderr } = await tool.end("SIGTERM");
    assert.deepEqual([status, stderr], [0, ""]);
  }
});

test("kvm-stat counts with the capabilities that its unit leaves it", () => {
  const unit = readFileSync(join(PROJECT, "contrib", "kvm-stat.service"), "utf8");
  const [, capabilities = ""] = /^CapabilityBoundingSet=(.+)$/m.exec(unit) ?? [];
  const left = capabilities.split(" ").map((name) => `+${name.replace("CAP_", "").toLowerCase()}`);
  assert.ok(left.length > 1);
  const { stdout, stderr, status } = spawnSync(
    "setpriv",
    [
      ...["--inh-caps=-all", `--bounding-set=-all,${left.join()}`, process.execPath],
      ...[join(PROJECT, "dist", "bin", "kvm-stat.js"), "-d", "-t", "-1", "-f", "^(exits|kvm_exit)$"],
    ],
    { encoding: "utf8" },
  );
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^exits +\d+ +\d+\nkvm_exit +\d+ +\d+\n$/);
});

test("kvm-trace record goes on recording, and names VMs of other users that start later", async () => {
  const file = join(folder, "recording");
  // It makes a map for each CPU that comes online.
  const tool = await beside("kvm-trace", ["record", "-o", file, "--events", "exit"], /Recording/, [
    BPF,
    ...NAMES,
  ]);
  const { status, stderr } = await tool.end("SIGINT");
  assert.equal(status, 0, stderr);
  const report = run("kvm-trace", "report", "--csv", "--by", "vm", file);
  assert.match(report.stdout, /\bweb1\b.*\bCPUID,(\S+,)*101\b/);
});

test("COMMAND keeps the caller's powers, and is ended though it has become another user's", async () => {
  const { stdout } = run("kvm-vmexit-count", "--", "cat", "/proc/self/status");
  assert.deepEqual(powersOf(stdout), ownPowers());
  const end = join(folder, "pid");
  const command = ["sh", "-c", `echo $$ >${end}; exec "$@"`, "sh", ...STRANGER, "sleep", "1000"];
  const tool = new Running("kvm-vmexit-count", "--", ...command);
  await tool.seen(/Tracing/);
  const { pid = 0 } = tool.child;
  await assertPowers(pid, [...MAPS, KILL]);
  await tool.end("SIGINT");
  const sleeper = Number(readFileSync(end, "utf8"));
  while (isRunning(sleeper)) await new Promise((resolve) => setTimeout(resolve, 20));
  rmSync(end);
});

test("COMMAND runs as --user's, with its groups, and counts in that user's VM", async () => {
  const ids = (stdout: string) =>
    [...stdout.matchAll(/^(?:Uid|Gid|Groups|CapEff|CapPrm):[ \t]*(.*?)[ \t]*$/gm)].map(([, value]) => value);
  const entry = /^(daemon):x:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  const [, name = "", uid = "", gid = ""] = entry ?? [];
  for (const [user, groups] of [
    [name, gid],
    [`${uid}:${gid}`, ""],
  ] as const) {
    const four = (id: string) => [id, id, id, id].join("\t");
    const { stdout, stderr } = run("kvm-vmexit-count", "--user", user, "--", "cat", "/proc/self/status");
    assert.deepEqual(ids(stdout), [four(uid), four(gid), groups, mask(), mask()], stderr);
  }
  const counted = run("kvm-vmexit-count", "--csv", "--user", name, "--", GUEST, "--cpuid", "211");
  assert.match(counted.stdout, /\bCPUID,(\S+,)*211\b/);
  const file = join(folder, "as-user");
  const recorded = run("kvm-trace", "record", "-o", file, "--user", name, "--", GUEST, "--cpuid", "211");
  assert.equal(recorded.status, 0, recorded.stderr);
  assert.match(run("kvm-trace", "report", "--csv", file).stdout, /\bCPUID,(\S+,)*211\b/);
  const tool = new Running("kvm-vmexit-count", "--user", name, "--", "sleep", "1000");
  await tool.seen(/Tracing/);
  await tool.end("SIGINT");
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
