// SPDX-License-Identifier: MIT
// The library's example in docs/ on a real KVM host.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import test from "node:test";
import { openSlowSession } from "kvm-vmexit";
import { NOTHING_LOST } from "../../src/measure/lost";
import { GUEST, PROJECT } from "../tools";

test("the library's slow exits: those of a guest, with who and what", () => {
  assert.throws(() => openSlowSession({ thresholdNs: -1 }), /thresholdNs takes a whole number of ns, not -1/);
  const session = openSlowSession({ thresholdNs: 0, details: true, reasons: "IOIO,CPUID", excludes: "114" });
  assert.equal(spawnSync(GUEST, ["--cpuid", "23", "--out", "19", "--vcpus", "2"]).status, 0);
  session.stop();
  const { exits, lost } = session.take();
  session.close();
  assert.deepEqual(lost, NOTHING_LOST);
  const outs = exits.filter(({ vm }) => vm.name === "guest");
  assert.equal(outs.length, 2 * 19);
  assert.deepEqual(new Set(outs.map(({ vcpu }) => vcpu)), new Set([0, 1]));
  for (const { name, level, ns, details, end } of outs) {
    assert.deepEqual([name, level, details], ["IOIO", 1, "out 0x3f8 1 byte (COM1)"]);
    assert.ok(ns > 0 && Math.abs(end.getTime() - Date.now()) < 3600e3);
  }
});

test("docs/example.mjs counts what a guest does", async () => {
  const example = spawn(process.execPath, [join(PROJECT, "docs", "example.mjs"), "3"]);
  let output = "";
  const tracing = new Promise<void>((resolve) => {
    example.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.startsWith("tracing\n")) resolve();
    });
  });
  let errors = "";
  example.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = once(example, "close");
  await Promise.race([tracing, ended]);
  assert.equal(spawnSync(GUEST, ["--cpuid", "23", "--rdmsr", "41"]).status, 0);
  const [status] = (await ended) as [number | null];
  assert.equal(errors, "");
  assert.equal(status, 0);
  const counted = (name: string) =>
    [...output.matchAll(/^"guest" \(\d+\) (\w+): (\d+), (mean [\d.]+ ns, p99 [\d.]+ ns|not timed)$/gm)]
      .filter(([, found]) => found === name)
      .reduce((sum, [, , count]) => sum + Number(count), 0);
  assert.equal(counted("CPUID"), 23, output);
  assert.equal(counted("MSR"), 41, output);
});
