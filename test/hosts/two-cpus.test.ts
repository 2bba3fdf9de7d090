// SPDX-License-Identifier: MIT
// What a host of several CPUs does to vCPUs: more of them than CPUs, CPUs that go and come back. Each part of the time is
// what ftrace's log of the threads says.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test, { afterEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GUEST, assertAgrees, endAll, start, vcpuThreads, watch } from "../clocks/watch";

const CPU1 = "/sys/devices/system/cpu/cpu1/online";
/** A loop of exits that KVM handles, without an end. */
const BUSY = ["--cpuid", "4000000000"];

afterEach(endAll);

/**
 * The emulator runs busy CPUs in turns of 100 ms. Where a turn ends between ftrace's event and the program's, they see
 * the event so far apart: of a few tries one has no such turn.
 */
const inTurns = (body: () => Promise<void>) => async () => {
  for (let tries = 4; ; tries--)
    try {
      await body();
      return;
    } catch (error) {
      if (tries === 0) throw error;
      await endAll();
    }
};

test(
  "255 vCPUs on 2 CPUs: all of each one's time is there, and waits are the scheduler's",
  inTurns(async () => {
    // The test's own process gets a CPU, too. All vCPUs begin when the last one is there.
    const pid = start("nice", "-n", "19", GUEST, ...BUSY, "--vcpus", "255", "--wait").pid;
    while (vcpuThreads(pid).length < 255) await sleep(100);
    const watched = await watch(pid, false, () => sleep(1500));
    assert.equal(watched.split.elapsedNs.length, 255);
    assertAgrees(watched, false);
    assert.ok(watched.split.ns.waiting > 250 * watched.durationNs);
  }),
);

test(
  "a CPU goes and comes back: nothing is lost",
  inTurns(async () => {
    const pid = start(GUEST, ...BUSY, "--vcpus", "2").pid;
    const watched = await watch(pid, false, async () => {
      await sleep(200);
      writeFileSync(CPU1, "0");
      await sleep(300);
      writeFileSync(CPU1, "1");
      await sleep(300);
    });
    assertAgrees(watched, false);
  }),
);
