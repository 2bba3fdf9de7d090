// SPDX-License-Identifier: MIT
// Where vCPUs' time went, by what the guest and its VMM are known to do, and by KVM's statistics of the same calls. What ftrace
// and the scheduler say is compared where instructions are counted (test/clocks): elsewhere a machine that is stopped between
// two readings of a clock adds the whole stop to one of them.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import test, { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Clock,
  type SplitSession,
  elapsedNs,
  openSession,
  openSplit,
  partNs,
  splitDiff,
  splitGroup,
} from "../../src";
import { ISA, MODES, ONLY, WORKLOAD } from "../lab/machine";

const [GUEST = ""] = WORKLOAD.command;
const KVM = "/sys/kernel/debug/kvm";
const POLL = "/sys/module/kvm/parameters/halt_poll_ns";
const TASKSET = "/usr/bin/taskset";
const HALT_WAIT = `${KVM}/halt_wait_ns`;
const MS = 1e6;

const running: ChildProcess[] = [];
after(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** One of KVM's statistics of a process's VM, over its vCPUs. */
function statistic(pid: number, name: string): number {
  const vm = readdirSync(KVM).find((folder) => folder.startsWith(`${pid}-`)) ?? "";
  return Number(readFileSync(`${KVM}/${vm}/${name}`, "latin1"));
}

interface Ran {
  /** From the session's opening until the guest had ended. */
  readonly clock: Clock;
  readonly statistics: Readonly<Record<string, number>>;
}

/** The clock of what a session saw of one process, without the readings before. */
function clockOf(session: SplitSession, pid: number): { clock: Clock; durationNs: number } {
  const interval = splitDiff(session.opened, session.read());
  assert.ok(
    Object.values(interval.lost).every((count) => count === 0),
    JSON.stringify(interval.lost),
  );
  const group = splitGroup(interval, "vm").find(({ vm }) => vm?.pid === pid);
  assert.ok(group, "the VM isn't there");
  return { clock: group.clock, durationNs: interval.durationNs };
}

/** Runs a guest to its end, and holds its threads until all witnesses are asked. */
async function runGuest(parameters: readonly string[], statistics: readonly string[] = []): Promise<Ran> {
  const session = openSplit({ maxVcpus: 16 });
  const guest = spawn(GUEST, [...parameters, "--time", "--hold", "3600"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(guest);
  await new Promise((resolve) => guest.stdout.once("data", resolve));
  const pid = guest.pid ?? 0;
  const { clock } = clockOf(session, pid);
  const counted = Object.fromEntries(statistics.map((name) => [name, statistic(pid, name)]));
  guest.kill("SIGKILL");
  session.close();
  return { clock, statistics: counted };
}

const waiting = (clock: Clock) => partNs(clock, "waiting");

/** Splits the time of a guest that goes on on one CPU, for a second and a half: all of it is there. */
async function watchBusy(vcpus: number): Promise<Clock> {
  const command = [GUEST, "--cpuid", "100000000", "--vcpus", String(vcpus)];
  // Bochs's machine has one CPU, and no taskset.
  const [program = "", ...rest] = existsSync(TASKSET) ? [TASKSET, "-c", "0", ...command] : command;
  const guest = spawn(program, rest, { stdio: "ignore" });
  running.push(guest);
  await sleep(700);
  const session = openSplit({ maxVcpus: 16 });
  await sleep(1500);
  const { clock, durationNs } = clockOf(session, guest.pid ?? 0);
  session.close();
  guest.kill("SIGKILL");
  assert.ok(Math.abs(elapsedNs(clock) - vcpus * durationNs) <= durationNs / 1000, JSON.stringify(clock));
  return clock;
}

if (!MODES.includes("direct"))
  test("net handling times are refused where programs can't attach directly", () => {
    assert.throws(
      () => openSession({ timing: true, net: true }),
      /cannot attach directly: .*; leave --net out$/,
    );
  });

const only = ONLY[ISA];
if (!only) {
  test("a busy guest: its time is the guest's, KVM's and waiting", async () => {
    const { ns, counts } = await watchBusy(1);
    assert.ok(ns.guest > 0 && ns.kvm > 0 && ns.vmm === 0 && ns.idle === 0);
    assert.ok(counts.exits > 100);
    assert.equal(counts.returns, 0);
  });

  test("two vCPUs on one CPU: each waits while the other runs", async () => {
    const clock = await watchBusy(2);
    assert.ok(clock.waits.some((count) => count > 0) && clock.maxima.maxWaitNs > 0);
    assert.ok(waiting(clock) > 0.4 * elapsedNs(clock), JSON.stringify(clock.ns));
  });

  test("halts: what KVM says it waited is idle, with the wait for a CPU after it", async () => {
    const { clock } = await runGuest(["--hlt", "20", "--nap-ms", "30"]);
    assert.ok(clock.counts.wakeups > 0);
    assert.ok(clock.ns.idle > 0 && clock.maxima.maxIdleNs <= clock.ns.idle);
  });

  if (existsSync(HALT_WAIT))
    test("halts: idle is within what KVM says it waited", async () => {
      const { clock, statistics } = await runGuest(["--hlt", "20", "--nap-ms", "30"], ["halt_wait_ns"]);
      const waitedNs = statistics["halt_wait_ns"] ?? NaN;
      assert.ok(clock.ns.idle <= waitedNs, `${clock.ns.idle} ${waitedNs}`);
      assert.ok(clock.ns.idle + waiting(clock) + clock.ns.kvm >= waitedNs, JSON.stringify(clock.ns));
    });

  test("a VMM that sleeps 10 ms in each of 30 exits: its time, and that of its waits, is the VMM's", async () => {
    const { clock } = await runGuest(["--out", "30", "--pause-ms", "10"]);
    assert.equal(clock.counts.returns, 30 + 1);
    assert.ok(clock.ns.vmm >= 30 * 10 * MS, String(clock.ns.vmm));
    assert.equal(clock.ns.idle, 0);
  });

  // KVM's numbers hold what a poll waited for a CPU, too.
  test("polls that succeed and that fail are KVM's own numbers, without waits", async () => {
    const before = readFileSync(POLL, "latin1");
    // KVM polls longer after halts that are shorter than this, which those of a loaded machine must be, too.
    writeFileSync(POLL, "100000000");
    const names = ["halt_poll_success_ns", "halt_poll_fail_ns"];
    const { clock, statistics } = await runGuest(["--hlt", "60", "--nap-ms", "3"], names);
    writeFileSync(POLL, before);
    const { pollSuccess, pollFail } = clock.ns;
    for (const [found, says, what] of [
      [pollSuccess, statistics["halt_poll_success_ns"] ?? NaN, "successful polls"],
      [pollFail, statistics["halt_poll_fail_ns"] ?? NaN, "failed polls"],
    ] as const) {
      const bound = Math.max(says / 100, MS);
      assert.ok(
        found <= says + bound && says <= found + waiting(clock) + bound,
        `${what}: ${found} ns, and not ${says}`,
      );
    }
    assert.ok(pollSuccess + pollFail > 0);
  });

  test("a vCPU asleep before and all through the interval is idle, a VMM that sleeps is VMM", async () => {
    for (const [activity, parameters] of [
      ["idle", ["--hlt", "9", "--nap-ms", "3600000"]],
      ["vmm", ["--out", "9", "--pause-ms", "3600000"]],
    ] as const) {
      const guest = spawn(GUEST, parameters, { stdio: "ignore" });
      running.push(guest);
      await sleep(1000);
      const session = openSplit({ maxVcpus: 16 });
      await sleep(500);
      const { clock, durationNs } = clockOf(session, guest.pid ?? 0);
      session.close();
      guest.kill("SIGKILL");
      assert.ok(clock.ns[activity] >= 0.999 * durationNs, `${activity}: ${JSON.stringify(clock.ns)}`);
      assert.ok(Math.abs(elapsedNs(clock) - durationNs) <= durationNs / 1000);
      assert.equal(clock.counts.exits, 0);
    }
  });

  test("threads that take turns at a vCPU: all of its time is there", async () => {
    const guest = spawn(GUEST, ["--out", "3000000", "--threads-move"], { stdio: "ignore" });
    running.push(guest);
    await sleep(500);
    const session = openSplit({ maxVcpus: 16 });
    await sleep(700);
    const { clock, durationNs } = clockOf(session, guest.pid ?? 0);
    session.close();
    guest.kill("SIGKILL");
    assert.ok(
      Math.abs(elapsedNs(clock) - durationNs) <= durationNs / 1000,
      `${elapsedNs(clock)} ${durationNs}`,
    );
    assert.ok(clock.counts.returns > 10);
  });
} else {
  test("exits and returns to the VMM are the guest's, and its time is in guest, KVM and VMM", async () => {
    const session = openSplit({ maxVcpus: 16 });
    const guest = spawn(GUEST, [only.handled, "3000", only.toVmm, "13", "--time", "--hold", "3600"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    running.push(guest);
    await new Promise((resolve) => guest.stdout.once("data", resolve));
    const { clock, durationNs } = clockOf(session, guest.pid ?? 0);
    session.close();
    guest.kill("SIGKILL");
    assert.ok(clock.counts.exits >= 3000 + 13);
    assert.equal(clock.counts.returns, 13 + 1);
    assert.ok(clock.ns.guest > 0 && clock.ns.kvm > 0 && elapsedNs(clock) <= durationNs);
  });
}
