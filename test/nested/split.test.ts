// SPDX-License-Identifier: MIT
// Under instruction counting: the time of a guest's guest is that of its instructions, apart from its host's.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { NS_PER_INSTRUCTION } from "../../bench/guest";
import { openSplit, splitDiff, splitGroup } from "../../src";
import { assertNear } from "../clocks/watch";
import { PROJECT, Running } from "../tools";

const TURNS = 100_000_000;

test("a loop without exits in L2: guestL2 is the instructions that it has, and L1's time is apart", async () => {
  const table = new Running("kvm-vmexit", "split", "--wide", "--vm", "nested-l1");
  await table.seen(/Tracing\.\.\./);
  const session = openSplit();
  const nested = spawn(join(PROJECT, "lab", "nested"), ["--nop", String(TURNS)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => nested.once("exit", resolve));
  await new Promise((resolve) => nested.stdout.once("data", resolve));
  // L1 is there, and its name is read.
  session.read();
  assert.equal(await ended, 0);
  const interval = splitDiff(session.opened, session.read());
  session.close();
  console.log((await table.end("SIGINT")).stdout);
  const clock = splitGroup(interval, "vm").find(({ vm }) => vm?.name === "nested-l1")?.clock;
  assert.ok(clock, "L1 isn't there");
  console.log(JSON.stringify(clock.ns));
  assertNear(clock.ns.guestL2, 3 * TURNS * NS_PER_INSTRUCTION, "L2's");
  assert.ok(clock.ns.guest > 10 * 1e6, "L1's");
});
