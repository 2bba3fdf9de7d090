// SPDX-License-Identifier: MIT
// --overhead on a real KVM host: programs ran as often as there were events, and the statistics are off afterwards.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync } from "node:fs";
import test from "node:test";
import { enableRunStatistics, runStatistics } from "../../src/native/overhead";
import { openSession } from "../../src/native/vmexit";
import { GUEST, type Result, run } from "../tools";
import { WORKLOAD } from "./counts";

const NO_OPTIONS = {
  attach: "auto",
  timing: false,
  histograms: false,
  details: false,
  maxVcpus: 64,
} as const;

/** How often the programs whose names begin so ran. */
function runsOf({ stderr }: Result, name: string): number {
  const [, table = ""] = stderr.split(/^Overhead in \d+\.\d{3} s:$/m);
  return [...table.matchAll(/^(\S+) +(\d+) /gm)]
    .filter(([, program = ""]) => program.startsWith(name))
    .reduce((sum, [, , runs]) => sum + Number(runs), 0);
}

for (const attach of ["direct", "record"])
  test(`${attach}: the exits' program ran once for each exit`, () => {
    const result = run("kvm-vmexit-count", "--overhead", "--attach", attach, "--", GUEST, ...WORKLOAD);
    assert.equal(result.status, 0, result.stderr);
    const total = Number(/^ +Total +(\d+)/m.exec(result.stdout)?.[1]);
    assert.ok(total > 200, result.stdout);
    assert.equal(runsOf(result, attach === "direct" ? "direct_exit" : "record_exit"), total, result.stderr);
    assert.match(
      result.stderr,
      /^This process took \d+\.\d ms of CPU, \d+\.\d\d % of one, after (?!0\.0)\d+\.\d ms to start\.$/m,
    );
  });

test("kvm-trace record: programs ran once for each event that was recorded", () => {
  const parameters = ["--events", "exit", "-o", "/tmp/overhead.bin", "--overhead", "--", GUEST, ...WORKLOAD];
  const result = run("kvm-trace", "record", ...parameters);
  assert.equal(result.status, 0, result.stderr);
  const events = Number(/(\d+) events/.exec(result.stderr)?.[1]);
  assert.equal(runsOf(result, "all"), events, result.stderr);
});

test("a program is told by its whole name", () => {
  const { stderr } = run("kvm-vmexit-time", "--overhead", "--attach", "record", "--", GUEST, ...WORKLOAD);
  assert.match(stderr, /^record_thread_end +\d+ /m);
});

test("kvm-stat takes --overhead too", () => {
  const result = run("kvm-stat", "-1", "--overhead");
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /^Overhead in \d+\.\d{3} s:$/m);
});

test("no statistics without --overhead, nor when a tool that took it has ended", () => {
  run("kvm-vmexit-count", "--overhead", "--", GUEST, "--cpuid", "5");
  const session = openSession(NO_OPTIONS);
  const runs = () => runStatistics().reduce((sum, { runCount }) => sum + runCount, 0);
  try {
    spawnSync(GUEST, ["--cpuid", "50"]);
    assert.equal(runs(), 0);
    const fd = enableRunStatistics();
    spawnSync(GUEST, ["--cpuid", "50"]);
    closeSync(fd);
    const counted = runs();
    assert.ok(counted > 50, String(counted));
    spawnSync(GUEST, ["--cpuid", "50"]);
    assert.equal(runs(), counted);
  } finally {
    session.close();
  }
});
