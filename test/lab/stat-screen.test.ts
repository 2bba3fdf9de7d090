// SPDX-License-Identifier: MIT
// kvm-stat in a real terminal: keys typed, the screen read, beside kvm_stat's, and the terminal given back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { after } from "node:test";
import { GUEST, PROJECT } from "../tools";
import { Pane, closePanes } from "./pane";
import { TOOL, kvmStat, sleep } from "./stat-logs";

const OURS = `${process.execPath} ${TOOL}`;

after(closePanes);

/** The rows of the table, in the order of names, without the rates, which depend on the moment. */
const rows = (text: string) =>
  text
    .split("\n")
    .filter((line) => / +\d+ +[\d.]+ +\d+$/.test(line))
    .map((line) => line.replace(/ +\d+$/, ""))
    .sort();

test("the guest's numbers, kvm_stat's rows, and each key", async () => {
  const ours = await Pane.open("ours", `${OURS} -s 1 -f 'kvm_(exit|userspace|cpuid|msr|pio)'`);
  const theirs =
    kvmStat &&
    (await Pane.open("theirs", `${kvmStat.join(" ")} -s 1 -f 'kvm_(exit|userspace|cpuid|msr|pio)'`));
  const panes = theirs ? [ours, theirs] : [ours];
  for (const pane of panes) await pane.seen(/No matching events reported yet/);
  const { status } = spawnSync(GUEST, ["--cpuid", "230", "--hlt", "37", "--rdmsr", "41", "--out", "18"]);
  assert.equal(status, 0);
  for (const pane of panes) {
    pane.type("x", "o");
    await pane.seen(/^ {3}kvm_exit\(CPUID\) +230 +\d+\.\d +0$/m);
  }
  assert.match(
    ours.text,
    /^kvm statistics - summary\n {17}regex filter: kvm_\(exit\|userspace\|cpuid\|msr\|pio\)\n/,
  );
  assert.match(ours.text, /^ kvm_cpuid +230 +\d+\.\d +0$/m);
  assert.match(ours.text, /^ kvm_userspace_exit +56 +\d+\.\d +0$/m);
  if (theirs) {
    assert.deepEqual(rows(ours.text), rows(theirs.text));
    assert.deepEqual(ours.text.split("\n").slice(0, 3), theirs.text.split("\n").slice(0, 3));
    for (const pane of panes) pane.type("h");
    for (const pane of panes) await pane.seen(/Any other key refreshes statistics immediately/);
    assert.equal(ours.text, theirs.text);
    for (const pane of panes) pane.type("y");
    theirs.type("q");
  }
  ours.type("h");
  await ours.seen(/^Interactive commands reference\n\nPress any key to exit/);
  ours.type("y", "b");
  await ours.seen(/Command not available with tracepoints enabled/);
  ours.type("y", "f");
  await ours.seen(/New regex:$/m);
  ours.type("kvm_zz", "BSpace", "BSpace", "exit", "Enter");
  await ours.seen(/regex filter: kvm_exit$/m);
  ours.resize(60, 10);
  await ours.seen(/^ Event {41}Total %Total$/m);
  ours.resize(80, 24);
  await ours.seen(/CurAvg\/s$/m);
  ours.type("r");
  await ours.seen(/No matching events reported yet/);
  ours.type("c");
  await ours.seen(/^kvm statistics - summary\n\n Event/);
  ours.type("s");
  await ours.seen(/^Change delay from 1.0s to$/m);
  ours.type("0.5", "Enter");
  await ours.seen(/^kvm statistics/);
  ours.type("q");
  await ours.givenBack(0);
});

test("guests apart, one in the header, and its end", async () => {
  const pane = await Pane.open("guest", `${GUEST} --hlt 10 --hold 600 & sleep 1; ${OURS} -d -i -s 0.5`);
  await pane.seen(/^ halt_exits +10 /m);
  pane.type("b");
  await pane.seen(/^ Guest Name/m);
  const pid = /^ (\d+) /m.exec(pane.text)?.[1] ?? "";
  pane.type("b", "p", pid, "Enter");
  await pane.seen(new RegExp(`^kvm statistics - pid ${pid}\\n`));
  await pane.seen(/^kvm statistics - pid \d+\n[^]*^ halt_exits +10 /m);
  process.kill(Number(pid));
  await pane.seen(/Guest is DEAD/);
  assert.match(pane.text, /^ halt_exits +10 /m, "the last numbers stay");
  pane.type("C-c");
  await pane.givenBack(0);
});

test("SIGTERM, Ctrl-Z and a crash give the terminal back", async () => {
  const pane = await Pane.open("ends", `sh -c 'echo $$ >/tmp/ends.pid; exec ${OURS}'`);
  await pane.seen(/kvm statistics/);
  pane.type("C-z");
  await pane.seen(/Stopped|^\$ $/m);
  await sleep(500);
  assert.doesNotMatch(pane.text, /kvm statistics/);
  pane.type("fg", "Enter");
  await pane.seen(/kvm statistics/);
  process.kill(Number(readFileSync("/tmp/ends.pid", "utf8")));
  await pane.seen(/icanon/);
  assert.doesNotMatch(pane.text, /kvm statistics/);
  // A script that waits for the tool stops with it, and goes on with it.
  const script = await Pane.open("script", `sh -c '${OURS}; echo after $?'`);
  await script.seen(/kvm statistics/);
  script.type("C-z");
  await script.seen(/Stopped/);
  assert.doesNotMatch(script.text, /kvm statistics|^after/m);
  script.type("fg", "Enter");
  await script.seen(/kvm statistics/);
  script.type("q");
  await script.seen(/^after 0$/m);
  assert.doesNotMatch(script.text, /kvm statistics/);
  // Where no shell could continue it, it goes on, as any program would.
  const alone = Pane.bare("alone", OURS);
  await alone.seen(/kvm statistics/);
  alone.type("C-z");
  alone.type("h");
  await alone.seen(/Interactive commands reference/);
  alone.type("q", "q");
  const crash = await Pane.open(
    "crash",
    `${process.execPath} ${join(PROJECT, "dist/test/lab/terminal-crash.js")}`,
  );
  await crash.seen(/this is drawn/);
  await crash.givenBack(1);
  assert.match(crash.text, /Error: crash on purpose/);
});

test("a terminal that knows no escape sequences gets none", () => {
  for (const [term, said] of [
    ["dumb", "dumb"],
    ["", "not set"],
  ]) {
    const { status, stdout } = spawnSync("script", ["-qec", OURS, "/dev/null"], {
      encoding: "utf8",
      env: { ...process.env, TERM: term },
    });
    assert.equal(
      stdout,
      `kvm-stat: the screen needs a terminal that can move its cursor, and TERM is ${said}; ` +
        "without one use -1, -l or -L FILE\r\n",
    );
    assert.equal(status, 1);
  }
});
