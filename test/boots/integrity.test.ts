// SPDX-License-Identifier: MIT
// A host under lockdown=integrity (Secure Boot), where debugfs can be listed and not read, with 512 possible CPUs, 2 that are
// online, and 1 GiB of memory.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { jsonLines, sumOfReason } from "../lab/json";
import { MODES } from "../lab/machine";
import { GUEST, Running, run } from "../tools";

const FILE = join(mkdtempSync(join(tmpdir(), "boots-")), "recording");
let guest: ChildProcess;

before(async () => {
  assert.match(readFileSync("/sys/devices/system/cpu/possible", "utf8"), /^0-511$/m);
  assert.match(readFileSync("/sys/devices/system/cpu/online", "utf8"), /^0-1$/m);
  guest = spawn(GUEST, ["--cpuid", "4000000000"], { stdio: "ignore" });
  const hasVm = () => readdirSync("/sys/kernel/debug/kvm").some((name) => /^\d+-\d+$/.test(name));
  while (!hasVm()) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.throws(() => readFileSync("/sys/kernel/debug/kvm/exits"), /EPERM/);
});

after(() => {
  guest.kill("SIGKILL");
});

test("kvm-stat -d says that debugfs can't be read, with status 1, and prints no number", () => {
  for (const how of [["-1"], ["-l", "-s", "0.5"], ["-1", "-p", String(guest.pid)]]) {
    const { status, stdout, stderr } = run("kvm-stat", "-d", ...how);
    assert.deepEqual([status, stdout], [1, ""], stderr);
    assert.match(stderr, /^[^\n]*lockdown[^\n]*\n$/);
  }
});

test("with tracepoints, too, these are counted, and debugfs's are left out and said to be", async () => {
  const { status, stdout, stderr } = run("kvm-stat", "-d", "-t", "-1", "-f", "^(exits|kvm_exit)$");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^kvm_exit +\d+ +[1-9]\d*\n$/);
  assert.match(stderr, /lockdown/);
  const log = new Running("kvm-stat", "-d", "-t", "-l", "-c", "-s", "0.5", "-f", "^(exits|kvm_exit)$");
  await log.seen(/^timestamp,kvm_exit\n.*,[1-9]\d*$/m);
  const logged = await log.end("SIGTERM");
  assert.equal(logged.status, 0, logged.stderr);
  assert.match(logged.stderr, /lockdown/);
});

for (const attach of MODES)
  test(`kvm-vmexit count --attach ${attach} is exact`, () => {
    const result = run("kvm-vmexit", "count", "--json", "--attach", attach, "--", GUEST, "--rdmsr", "2311");
    assert.equal(
      sumOfReason(jsonLines(result), "MSR", ({ count }) => count.total),
      2311,
    );
  });

test("kvm-trace record takes memory for the CPUs that are online", () => {
  // Its exits would fill the rings.
  guest.kill("SIGSTOP");
  const { status, stderr } = run("kvm-trace", "record", "-o", FILE, "--", GUEST, "--rdmsr", "2311");
  guest.kill("SIGCONT");
  assert.deepEqual([status, /Lost/.test(stderr)], [0, false], stderr);
  assert.match(run("kvm-trace", "report", FILE).stdout, /^ *124 MSR +2311 /m);
});

test("kvm-vmexit split, vmm, slower and export run in that memory, too", async () => {
  for (const [word, ...parameters] of [
    ["split", "--json"],
    ["vmm", "--json"],
    ["slower", "1000000", "--json"],
  ] as const) {
    const { status, stderr } = run("kvm-vmexit", word, ...parameters, "-d", "0.5");
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /Lost|cannot/);
  }
  const place = join(tmpdir(), "boots-socket");
  const exporter = new Running(
    "kvm-vmexit",
    "export",
    "--listen",
    place,
    "--returns",
    "--split",
    "--details",
  );
  await exporter.seen(/listen/i);
  const { status, stderr } = await exporter.end("SIGTERM");
  assert.equal(status, 0, stderr);
});
