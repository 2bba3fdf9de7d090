// SPDX-License-Identifier: MIT
// Under instruction counting, where no other load shows: each part of a vCPU's time, against ftrace's log of its thread,
// KVM's own statistics, and what the guest and its VMM are known to do.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import test, { afterEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NS_PER_INSTRUCTION } from "../../bench/guest";
import { type Session, group, openSession, total } from "../../src";
import { ISA } from "../lab/machine";
import {
  GUEST,
  type Split,
  assertAgrees,
  assertNear,
  between,
  endAll,
  openSplits,
  start,
  watch,
} from "./watch";

const KVM = "/sys/kernel/debug/kvm";
/** Settings of halt polling: at most so long; by what it grows, and from what on. */
const POLL_SETTINGS = ["halt_poll_ns", "halt_poll_ns_grow", "halt_poll_ns_grow_start"].map(
  (name) => `/sys/module/kvm/parameters/${name}`,
);
const MS = 1e6;

afterEach(endAll);

const ARM = ISA === "arm64";
/** An exit that KVM handles, one to the VMM, and a halt. */
const [HANDLED, TO_VMM, HALT] = ARM ? ["--hvc", "--mmio", "--wfi"] : ["--cpuid", "--out", "--hlt"];
const MANY = "100000000";

interface Scenario {
  readonly title: string;
  readonly guest: readonly string[];
  readonly ms: number;
  readonly exits: boolean;
  /** What has most of the time. */
  readonly most: (split: Split) => number;
  /** Another task that wants the CPU. */
  readonly neighbour?: true;
}

const SCENARIOS: readonly Scenario[] = [
  {
    title: "a busy loop of exits",
    guest: [HANDLED, MANY],
    ms: 30,
    exits: true,
    most: ({ ns }) => ns.guest + ns.kvm,
  },
  {
    title: "a vCPU and another task on one CPU",
    guest: [HANDLED, MANY],
    ms: 1000,
    exits: false,
    most: ({ ns }) => ns.guest + ns.kvm + ns.waiting,
    neighbour: true,
  },
  ...(ARM
    ? []
    : [
        {
          title: "two vCPUs on one CPU",
          guest: [HANDLED, MANY, "--vcpus", "2"],
          ms: 1000,
          exits: false,
          most: ({ ns }: Split) => ns.guest + ns.kvm + ns.waiting,
        },
      ]),
  {
    title: "halts that a signal ends every 7 ms",
    guest: [HALT, MANY, "--nap-ms", "7"],
    ms: 1000,
    exits: true,
    most: ({ ns }) => ns.idle,
  },
  {
    title: "a VMM that sleeps 10 ms in each exit",
    guest: [TO_VMM, MANY, "--pause-ms", "10"],
    ms: 1000,
    exits: true,
    most: ({ ns }) => ns.vmm,
  },
  {
    title: "a VMM that sleeps, and another task that has the CPU when it is woken",
    guest: [TO_VMM, MANY, "--pause-ms", "10"],
    ms: 1000,
    exits: false,
    most: ({ ns }) => ns.vmm + ns.vmmWaiting,
    neighbour: true,
  },
];

for (const { title, guest, ms, exits, most, neighbour } of SCENARIOS)
  test(`${title}: each part is what ftrace says, within 1 % or 1 ms`, async () => {
    const { pid } = start(GUEST, ...guest);
    if (neighbour) start("/bin/sh", "-c", "while :; do :; done");
    const watched = await watch(pid, exits, () => sleep(ms));
    assertAgrees(watched, exits);
    assert.ok(most(watched.split) >= 0.9 * watched.durationNs, JSON.stringify(watched.split.ns));
  });

/** The clock of a guest that runs to its end, and what KVM's statistics of its VM say then. */
async function runToEnd(
  guest: readonly string[],
  statistics: readonly string[],
): Promise<{ split: Split; says: readonly number[] }> {
  const splitter = openSplits();
  const earlier = splitter.snapshot();
  const child = spawn(GUEST, [...guest, "--time", "--hold", "3600"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const pid = child.pid ?? 0;
  const split = between(earlier, splitter.snapshot(), pid);
  const folder = readdirSync(KVM).find((name) => name.startsWith(`${pid}-`)) ?? "";
  const says = statistics.map((name) => Number(readFileSync(`${KVM}/${folder}/${name}`, "latin1")));
  child.kill("SIGKILL");
  splitter.close();
  return { split, says };
}

test("a loop without exits: guest is the instructions that it has", async () => {
  const TURNS = 60_000_000;
  const { split } = await runToEnd(["--nop", String(TURNS)], []);
  assertNear(split.ns.guest, 3 * TURNS * NS_PER_INSTRUCTION, "guest");
});

test("exits to a VMM that sleeps 10 ms in each of 30: the VMM's time is that, and returns are those and the last", async () => {
  const { split } = await runToEnd([TO_VMM, "30", "--pause-ms", "10"], []);
  assert.equal(split.returns, 30 + 1);
  assert.ok(split.ns.vmm >= 30 * 10 * MS, String(split.ns.vmm));
});

if (existsSync(`${KVM}/halt_wait_ns`))
  for (const [title, halts, nap, settings] of [
    ["succeed", "60", "3", ["5000000", "2", "10000"]],
    // A poll that fails goes on growing as long as the halt is shorter than the longest one: by nothing here.
    ["fail", "60", "3", ["5000000", "1", "1000000"]],
    ["aren't made", "30", "20", ["0", "2", "10000"]],
  ] as const)
    test(`halts whose polls ${title}: polls are KVM's numbers, and idle is what KVM waited, within 1 % or 1 ms`, async () => {
      const before = POLL_SETTINGS.map((file) => readFileSync(file, "latin1"));
      const set = (values: readonly string[]) => {
        POLL_SETTINGS.forEach((file, i) => {
          writeFileSync(file, values[i] ?? "");
        });
      };
      set(settings);
      const names = ["halt_poll_success_ns", "halt_poll_fail_ns", "halt_wait_ns"];
      const { split, says } = await runToEnd([HALT, halts, "--nap-ms", nap], names);
      set(before);
      const { pollSuccess, pollFail, idle, waiting } = split.ns;
      const [success = NaN, fail = NaN, waited = NaN] = says;
      console.log(
        [pollSuccess, success, pollFail, fail, idle + waiting, waited]
          .map((ns) => (ns / MS).toFixed(2))
          .join(" "),
      );
      assertNear(pollSuccess, success, "successful polls");
      assertNear(pollFail, fail, "failed polls");
      assertNear(idle + waiting, waited, "idle, and waiting after it");
      const most = { succeed: pollSuccess, fail: pollFail, "aren't made": idle }[title];
      assert.ok(most > 50 * MS, `${most}`);
    });

if (!ARM)
  test("net handling times leave out what the split has as idle, asleep and waiting within KVM", async () => {
    const options = { timing: true, maxVcpus: 16 } as const;
    const [whole, net] = [openSession(options), openSession({ ...options, net: true })];
    const { split } = await runToEnd([HALT, "20", HANDLED, "2000", "--nap-ms", "20"], []);
    const sum = (session: Session) => {
      const exits = group(session.read(), "reason")[0]?.samples ?? [];
      session.close();
      const counters = exits.map(total);
      const totalNs = counters.reduce((ns, each) => ns + each.totalNs, 0);
      return { count: counters.reduce((count, each) => count + each.count, 0), totalNs };
    };
    const [all, left] = [sum(whole), sum(net)];
    assert.equal(left.count, all.count);
    const { idle, kvmAsleep, waiting } = split.ns;
    assertNear(all.totalNs - left.totalNs, idle + kvmAsleep + waiting, "left out");
    assert.ok(idle > 20 * 10 * MS && left.totalNs > 0, JSON.stringify(split.ns));
  });
