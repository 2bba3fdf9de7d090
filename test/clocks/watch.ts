// SPDX-License-Identifier: MIT
// Guests whose vCPUs' time is split while ftrace logs what their threads do: both of the same moments.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ACTIVITIES, type Activity } from "../../src/contract";
import { type SplitSnapshot, type Splitter, openSplitter } from "../../src/native/split";
import { WORKLOAD } from "../lab/machine";
import { type ThreadTimes, isVcpuThread, logThreads, timesOf } from "./thread-times";

export const MS = 1e6;
export const [GUEST = ""] = WORKLOAD.command;
// Threads have begun. Of exits there are 800 events a ms.
const SETTLE_MS = 300;
const SETTLE_OF_EXITS_MS = 30;

const running = new Set<ChildProcess>();

/** Starts a program that ends with the test. */
export function start(program: string, ...parameters: string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(program, parameters, { stdio: "ignore", detached: true });
  const { pid } = child;
  assert.ok(pid !== undefined, `${program} can't be started`);
  running.add(child);
  return Object.assign(child, { pid });
}

/** Ends what start() has started, with all that it has started itself. */
export async function endAll(): Promise<void> {
  for (const child of running) {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      process.kill(-(child.pid ?? NaN), "SIGKILL");
      await ended;
    }
    running.delete(child);
  }
}

/** The threads of a guest that run vCPUs. */
export function vcpuThreads(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .filter((tid) => isVcpuThread(tid, pid) && commOf(pid, tid).startsWith("guest"));
}

function commOf(pid: number, tid: number): string {
  return readFileSync(`/proc/${pid}/task/${tid}/comm`, "latin1");
}

/** How long the vCPUs of a process did what, together, and each of them altogether. */
export interface Split {
  readonly ns: Readonly<Record<Activity, number>>;
  readonly elapsedNs: readonly number[];
  readonly exits: number;
  readonly returns: number;
  readonly migrations: number;
  readonly maxWaitNs: number;
  readonly maxIdleNs: number;
}

/** The rows of a snapshot of a process's vCPUs, by their ids. */
function rowsOf({ vcpus }: SplitSnapshot, pid: number): Map<number, number> {
  const rows = [...vcpus.tgid.keys()].filter((row) => vcpus.tgid[row] === pid);
  return new Map(rows.map((row) => [vcpus.vcpuId[row] ?? -1, row]));
}

/** What came between two snapshots. */
export function between(earlier: SplitSnapshot, later: SplitSnapshot, pid: number): Split {
  const before = rowsOf(earlier, pid);
  const rows = [...rowsOf(later, pid)];
  assert.equal(later.recordsFull + later.missedEvents, 0, "lost");
  const change = (
    of: (snapshot: SplitSnapshot, row: number) => number | undefined,
    id: number,
    row: number,
  ) => {
    const first = before.get(id);
    return (of(later, row) ?? NaN) - (first === undefined ? 0 : (of(earlier, first) ?? NaN));
  };
  const sum = (of: (snapshot: SplitSnapshot, row: number) => number | undefined) =>
    rows.reduce((total, [id, row]) => total + change(of, id, row), 0);
  const longest = (column: Float64Array) => Math.max(...rows.map(([, row]) => column[row] ?? 0));
  const { clocks } = later;
  return {
    ns: Object.fromEntries(
      ACTIVITIES.map((activity, i) => [
        activity,
        sum(({ clocks: { ns } }, row) => ns[row * ACTIVITIES.length + i]),
      ]),
    ) as Record<Activity, number>,
    elapsedNs: rows.map(([id, row]) =>
      ACTIVITIES.reduce(
        (total, _, i) => total + change(({ clocks: { ns } }, at) => ns[at * ACTIVITIES.length + i], id, row),
        0,
      ),
    ),
    exits: sum(({ clocks: { exits } }, row) => exits[row]),
    returns: sum(({ clocks: { returns } }, row) => returns[row]),
    migrations: sum(({ clocks: { migrations } }, row) => migrations[row]),
    maxWaitNs: longest(clocks.maxWaitNs),
    maxIdleNs: longest(clocks.maxIdleNs),
  };
}

/** Splits the time of all vCPUs, until it is closed. */
export function openSplits(): Splitter {
  return openSplitter({ attach: "auto", maxVcpus: 256 });
}

/** What both say of one time. */
export interface Watched {
  readonly split: Split;
  readonly says: ThreadTimes;
  readonly durationNs: number;
}

/**
 * Watches the vCPUs of a guest that is there.
 * @param exits whether each exit is logged: some 100 bytes each
 * @param during what happens meanwhile; the time ends with it
 */
export async function watch(pid: number, exits: boolean, during: () => Promise<unknown>): Promise<Watched> {
  // To open takes as long as a busy guest needs to fill the log.
  const splitter = openSplits();
  const log = logThreads(exits);
  try {
    await sleep(exits ? SETTLE_OF_EXITS_MS : SETTLE_MS);
    const tids = vcpuThreads(pid);
    const earlier = splitter.snapshot();
    await during();
    const later = splitter.snapshot();
    return {
      split: between(earlier, later, pid),
      says: timesOf(log.end(), tids, earlier.atNs, later.atNs),
      durationNs: later.atNs - earlier.atNs,
    };
  } finally {
    splitter.close();
  }
}

/** Within 1 %, or 1 ms. */
export function assertNear(found: number, expected: number, what: string): void {
  const bound = Math.max(expected / 100, MS);
  assert.ok(Math.abs(found - expected) <= bound, `${what}: ${found} ns, and not ${expected}`);
}

/** Each part is what the log says, and all of a vCPU's together are the time, within 0.1 %. */
export function assertAgrees({ split, says, durationNs }: Watched, exits: boolean): void {
  const { ns } = split;
  const busy = ns.kvm + ns.pollSuccess + ns.pollFail;
  const guest = ns.guest + ns.guestL2;
  const rows: [string, number, number][] = [
    ...(exits
      ? ([
          ["guest", guest, says.guest],
          ["KVM and polls", busy, says.kvm],
        ] as [string, number, number][])
      : ([["on a CPU in KVM_RUN", guest + busy, says.guest + says.kvm]] as [string, number, number][])),
    ["VMM", ns.vmm, says.vmm],
    ["asleep", ns.idle + ns.kvmAsleep, says.asleep],
    ["waiting", ns.waiting, says.waiting],
    ["waiting in the VMM", ns.vmmWaiting, says.vmmWaiting],
  ];
  console.log(
    rows
      .map(([what, found, said]) => `${what} ${(found / MS).toFixed(2)} (${(said / MS).toFixed(2)})`)
      .join(", "),
    `of ${(durationNs / MS).toFixed(2)} ms`,
  );
  for (const elapsed of split.elapsedNs)
    assert.ok(Math.abs(elapsed - durationNs) <= durationNs / 1000, `${elapsed} of ${durationNs}`);
  for (const [what, found, said] of rows) assertNear(found, said, what);
}
