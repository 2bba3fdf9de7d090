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

interface Counted {
  readonly name: string;
  readonly count: { readonly total: number };
  readonly details?: readonly { readonly text: string; readonly count: { readonly total: number } }[];
}

/** The last line of JSON that a tool printed. */
function lastLine(stdout: string): unknown {
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

test("a guest that is known, from VMs to a reason's details and times, as kvm-vmexit-time and -split have it", async () => {
  const file = "/tmp/top.jsonl";
  rmSync(file, { force: true });
  const pane = await Pane.open("top", `${TOP} --details 0.5`);
  await pane.seen(/^NAME +.EXITS\/s +GUEST% +KVM% +VMM% +POLL% +IDLE% +WAIT% +HISTORY$/m);
  await pane.seen(/all VMs .* 0 /);
  const reference = new Running("kvm-vmexit-time", "--details", "--json");
  const split = new Running("kvm-vmexit-split", "--by", "vm", "--json");
  await Promise.all([reference.seen(/Tracing/), split.seen(/Tracing/)]);
  const { status } = spawnSync(GUEST, ["--vcpus", "3", "--cpuid", "230", "--hlt", "37", "--rdmsr", "41"]);
  assert.equal(status, 0);
  pane.type("a");
  const { exits } = lastLine((await reference.end("SIGINT")).stdout) as { exits: Counted[] };
  const find = (name: string) => exits.find((exit) => exit.name === name);
  const countOf = (name: string) => find(name)?.count.total ?? 0;
  assert.equal(countOf("CPUID"), 3 * 230);
  const sum = exits.reduce((all, exit) => all + exit.count.total, 0);
  // The guest was there from its beginning to its end in both.
  const line = lastLine((await split.end("SIGINT")).stdout) as {
    split: { vm: string; elapsedNs: number; ns: Record<string, number> }[];
  };
  const [clock] = line.split.filter(({ vm }) => vm === "guest");
  assert.ok(clock);
  const expected = [
    ["guest"],
    ["kvm", "kvmAsleep"],
    ["vmm"],
    ["pollSuccess", "pollFail"],
    ["idle"],
    ["waiting", "vmmWaiting"],
  ].map(
    (part) => (100 * part.reduce((all, activity) => all + (clock.ns[activity] ?? 0), 0)) / clock.elapsedNs,
  );
  // HLT is hidden.
  const row = new RegExp(`^guest +${sum - countOf("HLT")}${" +([\\d.]+)".repeat(6)}(?: |$)`, "m");
  // The reading before the key, and one while the guest ended, have less of it. Of two sessions the one whose programs run first
  // at a mark counts the other's programs where the mark leads: up to 2.7 % of so short a guest.
  await pane.shows(`a row of ${sum - countOf("HLT")} exits and ${expected.join()} %`, (text) => {
    const shares = row.exec(text)?.slice(1).map(Number);
    return shares?.every((share, at) => Math.abs(share - (expected[at] ?? NaN)) < 5) ?? false;
  });
  pane.type("i", "Down", "Enter");
  await pane.seen(/VMs > VM guest \(\d+\)$/m);
  await pane.seen(/^vCPU 0 +\d+ /m);
  pane.type("Enter");
  await pane.seen(/VMs > VM guest \(\d+\) > all vCPUs$/m);
  await pane.seen(/^guest [\d.]+% {2}kvm [\d.]+% {2}vmm /m);
  for (const name of ["CPUID", "HLT", "MSR"])
    await pane.seen(new RegExp(`^${name} +3 +${countOf(name)} `, "m"));
  // Sorted by number of exits: CPUID is the first below the sum.
  pane.type("Down", "Enter");
  await pane.seen(/> CPUID$/m);
  await pane.seen(/^all CPUID +3 +690 /m);
  for (const { text, count } of find("CPUID")?.details ?? [])
    assert.ok(
      pane.text
        .split("\n")
        .some((row) => row.startsWith(text.slice(0, 20)) && row.includes(` ${count.total} `)),
      text,
    );
  await pane.seen(/^ +\d+ -> \d+ +: \d+ +\|\**/m);
  pane.type("Enter");
  await pane.seen(/> CPUID > times$/m);
  await pane.seen(/^exits 690 .* vCPUs 3$/m);
  await pane.seen(/^P50 \d+ ns {2}P90 /m);
  pane.type("BSpace", "Left");
  pane.type("f");
  pane.type("ms", "Enter");
  await pane.seen(/reason: ms$/m);
  await pane.seen(/^all reasons +3 +123 /m);
  assert.doesNotMatch(pane.text, /CPUID/);
  pane.type("Down", "Enter");
  await pane.seen(/> MSR {2}reason: ms$/m);
  pane.type("w", "C-u", file, "Enter");
  await pane.seen(/added to "?\/tmp\/top\.jsonl/);
  const [written, clocks] = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text) as { exits?: Counted[]; split?: { vm: string; vcpu: number }[] });
  assert.deepEqual(
    written?.exits?.map(({ name, count, details = [] }) => [
      name,
      count.total,
      details.reduce((all, detail) => all + detail.count.total, 0),
    ]),
    [0, 1, 2].map(() => ["MSR", 41, 41]),
  );
  assert.deepEqual(
    clocks?.split?.map(({ vm, vcpu }) => [vm, vcpu]),
    [0, 1, 2].map((vcpu) => ["guest", vcpu]),
  );
  const report = spawnSync(
    process.execPath,
    [join(PROJECT, "dist", "bin", "kvm-vmexit.js"), "report", file],
    {
      encoding: "utf8",
    },
  );
  assert.equal(report.status, 0, report.stderr);
  assert.match(report.stdout, /^ *\w+ MSR +123 /m);
  assert.match(report.stdout, /^guest +0 +[\d.]+% /m);
  pane.type("q");
  await pane.givenBack(0);
});

test("it follows the terminal's size, pauses, stops and goes on, and gives the terminal back", async (t) => {
  const guest = spawn(GUEST, ["--out", "100000", "--pause-ms", "20"]);
  t.after(() => guest.kill("SIGKILL"));
  const pane = await Pane.open("sizes", `${TOP} 0.3`, 120, 40);
  await pane.seen(/^guest +\d+ +[1-9]/m);
  assert.match(pane.text, /MAX ns +HISTORY$/m);
  pane.resize(200, 60);
  await pane.seen(/^NAME.{110,}HISTORY$/m);
  pane.resize(40, 8);
  await pane.seen(/^NAME +.EXITS\/s[^\n]*\n[^\n]*\n(guest|all VMs) [^]*^(rows|no room for) /m);
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
  // What is typed before the shell has the terminal back, the tool still reads.
  await pane.seen(/^\$$/m);
  pane.type("echo ended $?", "Enter");
  await pane.seen(/^ended 0$/m);
});
