// SPDX-License-Identifier: MIT
// kvm-vmexit top in a real terminal: guests whose numbers are known, keys typed, the screen read, the terminal given back.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import test, { after } from "node:test";
import { GUEST, PROJECT, Running } from "../tools";
import { Pane, closePanes } from "./pane";
import { until } from "./stat-logs";

const TOP = `${process.execPath} ${join(PROJECT, "dist", "bin", "kvm-vmexit.js")} top`;

after(closePanes);

test("counts of a guest that is known, from VMs to the times of a reason, as kvm-vmexit-time has them", async () => {
  const file = "/tmp/top.jsonl";
  rmSync(file, { force: true });
  const pane = await Pane.open("top", `${TOP} 0.5`);
  await pane.seen(/^NAME +PID +VCPUS +.EXITS\/s +KVM% +AVG ns +P99 ns +MAX ns$/m);
  await pane.seen(/all VMs .* 0 /);
  const reference = new Running("kvm-vmexit-time", "--json");
  await reference.seen(/Tracing/);
  const { status } = spawnSync(GUEST, ["--vcpus", "3", "--cpuid", "230", "--hlt", "37", "--rdmsr", "41"]);
  assert.equal(status, 0);
  pane.type("a");
  // 3 vCPUs, each with its last exit by OUT; HLT is hidden.
  await pane.seen(/^guest +\d+ +3 +\d+ +[\d.]+ +\d+ +\d+ +\d+$/m);
  const { stdout } = await reference.end("SIGINT");
  const line = stdout.trim().split("\n").at(-1) ?? "";
  const { exits } = JSON.parse(line) as { exits: { name: string; count: { total: number } }[] };
  const countOf = (name: string) => exits.find((exit) => exit.name === name)?.count.total ?? 0;
  assert.equal(countOf("CPUID"), 3 * 230);
  pane.type("i", "Down", "Enter");
  await pane.seen(/VMs > VM guest \(\d+\)$/m);
  await pane.seen(/^vCPU 0 +\d+ /m);
  pane.type("Enter");
  await pane.seen(/VMs > VM guest \(\d+\) > all vCPUs$/m);
  for (const name of ["CPUID", "HLT", "MSR"])
    await pane.seen(new RegExp(`^${name} +3 +${countOf(name)} `, "m"));
  // Sorted by number of exits: CPUID is the first below the sum.
  pane.type("Down", "Enter");
  await pane.seen(/> CPUID$/m);
  await pane.seen(/^exits 690 .* vCPUs 3$/m);
  await pane.seen(/^ +\d+ -> \d+ +: \d+ +\|\**/m);
  pane.type("BSpace");
  pane.type("f");
  pane.type("ms", "Enter");
  await pane.seen(/reason: ms$/m);
  await pane.seen(/^all reasons +3 +123 /m);
  assert.doesNotMatch(pane.text, /CPUID/);
  pane.type("w", "C-u", file, "Enter");
  await pane.seen(/added to \/tmp\/top\.jsonl/);
  const written = JSON.parse(readFileSync(file, "utf8")) as {
    exits: { name: string; count: { total: number } }[];
  };
  assert.deepEqual(
    written.exits.map(({ name, count }) => [name, count.total]),
    [0, 1, 2].map(() => ["MSR", 41]),
  );
  pane.type("q");
  await pane.givenBack(0);
});

test("it follows the terminal's size, pauses, stops and goes on, and gives the terminal back", async (t) => {
  const guest = spawn(GUEST, ["--out", "100000", "--pause-ms", "20"]);
  t.after(() => guest.kill("SIGKILL"));
  const pane = await Pane.open("sizes", `${TOP} 0.3`, 120, 40);
  await pane.seen(/^guest +\d+ +1 +[1-9]/m);
  assert.match(pane.text, /MAX ns +HISTORY$/m);
  pane.resize(200, 60);
  await pane.seen(/^NAME.{110,}HISTORY$/m);
  pane.resize(60, 12);
  await pane.seen(/no room for .*HISTORY/);
  pane.resize(80, 24);
  pane.type("?");
  await pane.seen(/^Keys of kvm-vmexit top/);
  pane.type("x", "Space");
  await pane.seen(/PAUSED/);
  const paused = pane.text;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(pane.text, paused);
  pane.type("C-z");
  // The shell goes on in its line.
  await pane.seen(/^status 1\d\d$/m);
  pane.type("fg", "Enter");
  await pane.seen(/PAUSED/);
  pane.type("Space");
  await until("no pause", () => !/PAUSED/.test(pane.text));
  pane.type("C-c");
  await until("the screen's end", () => !/kvm-vmexit top - /.test(pane.text));
  pane.type("echo ended $?", "Enter");
  await pane.seen(/^ended 0$/m);
});
