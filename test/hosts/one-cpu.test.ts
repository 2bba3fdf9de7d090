// SPDX-License-Identifier: MIT
// Under instruction counting: what a host does to vCPUs, as classes of the scheduler, and VMs that are stopped, frozen,
// throttled or replaced. Each part of the time is what ftrace's log of the threads says.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import test, { afterEach, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { elapsedNs, openSplit, splitDiff, splitGroup } from "../../src";
import {
  GUEST,
  MS,
  assertAgrees,
  between,
  endAll,
  openSplits,
  start,
  vcpuThreads,
  watch,
} from "../clocks/watch";

const CGROUP = "/sys/fs/cgroup";
const RT_RUNTIME = "/proc/sys/kernel/sched_rt_runtime_us";
/** Where a suspend can be tried without devices: it ends when tasks are frozen, and waits for some seconds. */
const PM_TEST = "/sys/power/pm_test";
const PM_TEST_DELAY = "/sys/module/suspend/parameters/pm_test_delay";
const AUTOGROUP = "/proc/sys/kernel/sched_autogroup_enabled";
const FAIR_SERVER = "/sys/kernel/debug/sched/fair_server";
/** A loop of exits that KVM handles, without an end; and one without exits. */
const BUSY = ["--cpuid", "4000000000"];
const COMPUTING = ["--nop", "4000000000"];
const HOG = ["/bin/sh", "-c", "while :; do :; done"];

const startGuest = (...command: readonly string[]) => {
  const [program = "", ...parameters] = command;
  return start(program, ...parameters).pid;
};

before(() => {
  // This process gets the CPU when it wants it, not what it starts. Each session's tasks would share one weight.
  spawnSync("chrt", ["-a", "-R", "-f", "-p", "99", String(process.pid)]);
  if (existsSync(AUTOGROUP)) writeFileSync(AUTOGROUP, "0");
});
afterEach(endAll);

/** Gives all threads of a process a class and priority of the scheduler. */
const schedule = (pid: number, [how, priority]: readonly [string, string]) =>
  spawnSync("chrt", ["-a", how, "-p", priority, String(pid)]);

// Only while it is watched: programs come and go with RCU's help, whose threads would wait, too.
for (const [title, ofGuest, ofNeighbour, least, most] of [
  ["a real-time neighbour", ["-o", "0"], ["-f", "50"], 0.5, 1],
  ["a real-time vCPU", ["-f", "50"], ["-o", "0"], 0, 0.3],
  ["a vCPU that runs when all else is idle", ["-i", "0"], ["-o", "0"], 0.8, 1],
] as const)
  test(`${title}: it waits for as long as the scheduler says`, async () => {
    const pid = startGuest(GUEST, ...BUSY);
    const hog = startGuest(...HOG);
    const watched = await watch(pid, false, async () => {
      schedule(pid, ofGuest);
      schedule(hog, ofNeighbour);
      await sleep(1000);
      schedule(pid, ["-o", "0"]);
      schedule(hog, ["-o", "0"]);
    });
    assertAgrees(watched, false);
    const share = watched.split.ns.waiting / watched.durationNs;
    assert.ok(share >= least && share <= most, `${share}`);
  });

test("a vCPU that has waited for a CPU since before the programs: it is waiting", async () => {
  writeFileSync(RT_RUNTIME, "-1");
  const servers = existsSync(FAIR_SERVER) ? readdirSync(FAIR_SERVER) : [];
  for (const cpu of servers) writeFileSync(`${FAIR_SERVER}/${cpu}/runtime`, "0");
  const pid = startGuest(GUEST, ...BUSY);
  await sleep(300);
  startGuest("chrt", "-f", "50", ...HOG);
  await sleep(300);
  const splitter = openSplits();
  const first = splitter.snapshot();
  await sleep(300);
  const last = splitter.snapshot();
  splitter.close();
  await endAll();
  for (const cpu of servers) writeFileSync(`${FAIR_SERVER}/${cpu}/runtime`, "50000000");
  writeFileSync(RT_RUNTIME, "950000");
  const { ns, exits } = between(first, last, pid);
  assert.equal(exits, 0);
  assert.equal(ns.waiting, last.atNs - first.atNs);
});

test("a guest without exits: between two readings that see none it computes, from the first on", async () => {
  const pid = startGuest(GUEST, ...COMPUTING);
  await sleep(300);
  const splitter = openSplits();
  const pairs = Array.from({ length: 50 }, () => {
    const [a, b] = [splitter.snapshot(), splitter.snapshot()];
    return { split: between(a, b, pid), durationNs: b.atNs - a.atNs };
  });
  splitter.close();
  for (const { split, durationNs } of pairs) assert.deepEqual(split.elapsedNs, [durationNs]);
  const quiet = pairs.filter(({ split }) => split.exits === 0);
  assert.ok(quiet.length > 0, "each pair has exits");
  assert.ok(
    quiet.some(({ split, durationNs }) => split.ns.guest === durationNs),
    JSON.stringify(quiet),
  );
});

const stop = (pid: number) => {
  process.kill(pid, "SIGSTOP");
};

for (const [title, halt, goOn] of [
  ["is stopped", stop, (pid: number) => process.kill(pid, "SIGCONT")],
  [
    "is frozen with its cgroup",
    (pid: number) => {
      mkdirSync(`${CGROUP}/frozen`);
      writeFileSync(`${CGROUP}/frozen/cgroup.procs`, String(pid));
      writeFileSync(`${CGROUP}/frozen/cgroup.freeze`, "1");
    },
    () => {
      writeFileSync(`${CGROUP}/frozen/cgroup.freeze`, "0");
    },
  ],
] as const)
  test(`a VM ${title} and goes on: meanwhile its time is the VMM's`, async () => {
    const pid = startGuest(GUEST, ...BUSY);
    const watched = await watch(pid, false, async () => {
      await sleep(200);
      halt(pid);
      await sleep(400);
      goOn(pid);
      await sleep(200);
    });
    assertAgrees(watched, false);
    assert.ok(watched.split.ns.vmm > 350 * MS && watched.split.returns >= 1);
    await endAll();
    if (existsSync(`${CGROUP}/frozen`)) rmdirSync(`${CGROUP}/frozen`);
  });

if (existsSync(PM_TEST))
  test("a host that freezes all tasks for a suspend: meanwhile a vCPU's time is the VMM's", async () => {
    const pid = startGuest(GUEST, ...BUSY);
    writeFileSync(PM_TEST, "freezer");
    writeFileSync(PM_TEST_DELAY, "1");
    const watched = await watch(pid, false, () => {
      writeFileSync("/sys/power/state", "freeze");
      return sleep(100);
    });
    writeFileSync(PM_TEST, "none");
    assertAgrees(watched, false);
    assert.ok(watched.split.ns.vmm > 900 * MS, JSON.stringify(watched.split.ns));
  });

/** Attaches to threads as a debugger does, which stops them (PTRACE_ATTACH is 16). */
const ATTACH =
  "import ctypes, sys, time; [ctypes.CDLL(None).ptrace(16, int(tid), 0, 0) for tid in sys.argv[1:]]; time.sleep(3600)";

for (const [title, halt] of [
  ["stopped", stop],
  [
    "in a debugger",
    (pid: number) => start("/usr/bin/python3", "-c", ATTACH, ...vcpuThreads(pid).map(String)),
  ],
] as const)
  test(`a VM that is ${title} before the programs are there: all of its time is the VMM's`, async () => {
    const pid = startGuest(GUEST, ...BUSY);
    await sleep(300);
    halt(pid);
    await sleep(700);
    const splitter = openSplits();
    const first = splitter.snapshot();
    await sleep(300);
    const last = splitter.snapshot();
    splitter.close();
    const { ns, exits } = between(first, last, pid);
    assert.deepEqual([ns.vmm, exits], [last.atNs - first.atNs, 0], JSON.stringify(ns));
  });

test("a VM that its cgroup's cpu.max throttles is waiting", async () => {
  writeFileSync(`${CGROUP}/cgroup.subtree_control`, "+cpu");
  mkdirSync(`${CGROUP}/throttled`);
  writeFileSync(`${CGROUP}/throttled/cpu.max`, "20000 100000");
  const pid = startGuest(GUEST, ...BUSY);
  writeFileSync(`${CGROUP}/throttled/cgroup.procs`, String(pid));
  const watched = await watch(pid, false, () => sleep(1500));
  await endAll();
  rmdirSync(`${CGROUP}/throttled`);
  assertAgrees(watched, false);
  const { waiting } = watched.split.ns;
  assert.ok(waiting > 0.7 * watched.durationNs, JSON.stringify(watched.split.ns));
});

test("a VM ends and another begins within one interval: each has a row with its part of the time", () => {
  const session = openSplit();
  const runs = [0, 1].map(() => {
    const startNs = process.hrtime.bigint();
    const { stdout, pid } = spawnSync(GUEST, ["--nop", "20000000", "--time"], { encoding: "latin1" });
    const lifeNs = Number(process.hrtime.bigint() - startNs);
    return { pid, lifeNs, ranNs: Number(/^([\d.]+) ns per turn/.exec(stdout)?.[1]) * 20_000_000 };
  });
  const interval = splitDiff(session.opened, session.read());
  session.close();
  for (const { pid, lifeNs, ranNs } of runs) {
    const clock = splitGroup(interval, "vcpu").find(({ vm }) => vm?.pid === pid)?.clock;
    assert.ok(clock, "a VM isn't there");
    const ns = elapsedNs(clock);
    assert.ok(ns >= 0.99 * ranNs && ns <= lifeNs, `${ns} of ${ranNs} to ${lifeNs}`);
  }
});
