// SPDX-License-Identifier: MIT
// All tools at once, in each way to attach that this kernel knows, watch one guest: they agree with it, with each other,
// with ftrace and with KVM's own counter, exactly.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import test, { after, before } from "node:test";
import { EventLog, type Logged, exitsIn } from "../lab/ftrace";
import type { Exits } from "../lab/json";
import { ISA, MODES, ONLY, WORKLOAD, kernelIsAtLeast } from "../lab/machine";
import { Logger, type Sums, TOOL as STAT } from "../lab/stat-logs";
import { Running, run } from "../tools";
import { exitsOf, nameOf } from "./output";

const { command, promised, lasts } = WORKLOAD;
const KVM = "/sys/kernel/debug/kvm";

interface Slow {
  readonly slow?: Exits;
}

const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);

/** Counts by name; those of nothing are left out. */
function counts(exits: readonly Exits[], of: (exits: Exits) => number): Map<string, number> {
  return new Map(exits.map((exit) => [nameOf(exit), of(exit)] as const).filter(([, count]) => count > 0));
}

function tally(names: Iterable<string>): Map<string, number> {
  const result = new Map<string, number>();
  for (const name of names) result.set(name, (result.get(name) ?? 0) + 1);
  return result;
}

const sorted = (map: ReadonlyMap<string, number>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

/** What KVM itself counted of all VMs that are there. */
function kernelsOwn(): number {
  const vms = readdirSync(KVM).filter((name) => /^\d+-\d+$/.test(name));
  const counter = ISA === "ppc64" ? "sum_exits" : "exits";
  return sum(vms.map((vm) => Number(readFileSync(`${KVM}/${vm}/${counter}`, "latin1"))));
}

/** Runs the guest to its end; while its VMs are still there, asks KVM how many exits they had. */
async function runGuest(): Promise<number> {
  const [program = "", ...parameters] = command;
  const guest = spawn(program, [...parameters, "--time", "--hold", "3600"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = new Promise((resolve) => guest.on("close", resolve));
  await new Promise((resolve, reject) => {
    guest.stdout.once("data", resolve);
    guest.once("exit", (status) => {
      reject(new Error(`the guest ended with ${String(status)}`));
    });
  });
  const exits = kernelsOwn();
  guest.kill("SIGKILL");
  await closed;
  return exits;
}

/** By way to attach: what each tool printed. */
const printed: Record<string, { count: Exits[]; time: Exits[]; hist: Exits[] }> = {};
const slower: Record<string, Map<string, number>> = {};
let stat: Sums;
let logged: Logged;
let own: number;

// What runs on when something fails.
const running: ChildProcess[] = [];
after(() => {
  for (const child of running) child.kill("SIGKILL");
});

before(async () => {
  const log = new EventLog("exact", "kvm_exit");
  const logger = new Logger([process.execPath, STAT], "-f", "kvm_exit");
  running.push(logger.child);
  const tools = MODES.map((mode) => {
    const tool = (name: string, ...parameters: string[]) =>
      new Running(name, ...parameters, "--attach", mode, "--json");
    const all = {
      mode,
      count: tool("kvm-vmexit-count"),
      time: tool("kvm-vmexit-time"),
      hist: tool("kvm-vmexit-hist"),
      // JSON has details, which records alone tell.
      slower:
        mode === "record"
          ? tool("kvm-vmexit-slower", "0")
          : new Running("kvm-vmexit-slower", "0", "--attach", mode),
    };
    for (const { child } of [all.count, all.time, all.hist, all.slower]) running.push(child);
    return all;
  });
  await logger.ready();
  for (const { count, time, hist, slower } of tools)
    for (const tool of [count, time, hist, slower]) await tool.seen(/Tracing/);
  own = await runGuest();
  for (const tool of tools) {
    const end = async (running: Running) => {
      const { status, stdout, stderr } = await running.end("SIGINT");
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /Lost/);
      return stdout;
    };
    printed[tool.mode] = {
      count: exitsOf(await end(tool.count)),
      time: exitsOf(await end(tool.time)),
      hist: exitsOf(await end(tool.hist)),
    };
    const slow = await end(tool.slower);
    slower[tool.mode] = tally(
      tool.mode === "record"
        ? slow
            .trimEnd()
            .split("\n")
            .flatMap((line) => (JSON.parse(line) as Slow).slow ?? [])
            .map(nameOf)
        : [...slow.matchAll(/^ *\S+ (.+?) +\d+ \(L1\)$/gm)].map(([, name = ""]) => name),
    );
  }
  stat = await logger.end();
  logged = exitsIn(log.end());
});

for (const mode of MODES) {
  const of = (tool: "count" | "time" | "hist") => printed[mode]?.[tool] ?? [];
  const total = (exits: Exits) => exits.count.total;

  test(`${mode}: count has what the guest promises, and in all what ftrace and KVM have`, () => {
    const found = counts(of("count"), total);
    for (const [name, count] of Object.entries(promised)) assert.equal(found.get(name), count, name);
    assert.deepEqual(
      [...found.values()].sort((a, b) => a - b),
      [...logged.values()].sort((a, b) => a - b),
      `${JSON.stringify(sorted(found))} and ${JSON.stringify(sorted(logged))}`,
    );
    // x86's fast path, MSR writes that never leave the innermost loop, counts since 6.6.
    if (ONLY[ISA] || kernelIsAtLeast(6, 6)) assert.equal(sum(found.values()), own);
    for (const { count } of of("count")) assert.deepEqual([count.l1, count.l2], [count.total, 0]);
  });

  test(`${mode}: time and hist count the same, and time all but each vCPU's last`, () => {
    const found = sorted(counts(of("count"), total));
    assert.deepEqual(sorted(counts(of("time"), total)), found);
    assert.deepEqual(sorted(counts(of("hist"), total)), found);
    const timed = counts(of("time"), ({ timed }) => timed.total);
    for (const [name, count] of Object.entries(promised))
      if (!/ERR|FAILED/.test(name)) assert.equal(timed.get(name), count - (lasts[name] ?? 0), name);
    for (const { timeNs, maxNs, timed, count } of of("time")) {
      assert.ok(timed.total <= count.total);
      assert.ok(maxNs.total <= timeNs.total && maxNs.total * timed.total >= timeNs.total);
    }
    const inBuckets = counts(of("hist"), ({ histogram }) => sum(histogram.total.map(([, , exits]) => exits)));
    assert.deepEqual(sorted(inBuckets), sorted(timed));
  });

  test(`${mode}: slower, at threshold 0, prints each exit that has a time`, () => {
    const timed = counts(of("time"), ({ timed }) => timed.total);
    assert.deepEqual(sorted(slower[mode] ?? new Map()), sorted(timed));
  });
}

test("all ways to attach agree on every count, timed and not", () => {
  const [first, ...others] = MODES.map((mode) =>
    (printed[mode]?.time ?? []).map(({ isa, reason, count, timed }) => ({ isa, reason, count, timed })),
  );
  for (const other of others) assert.deepEqual(other, first);
});

test("kvm-stat counts the same exits, by event and by reason", () => {
  const found = counts(printed[MODES[0] ?? ""]?.count ?? [], (exits) => exits.count.total);
  const keys = [...stat].flatMap(([key, count]) => {
    const name = /^kvm_exit\((.*)\)$/.exec(key)?.[1];
    return name === undefined || count === 0 ? [] : [[name, count] as const];
  });
  // A key has no blanks, and of arm64's traps the class alone.
  const expected = [...found].map(
    ([name, count]) => [name.replace(/^TRAP /, "").replaceAll(" ", "_"), count] as const,
  );
  assert.deepEqual(sorted(new Map(keys)), sorted(new Map(expected)));
  assert.equal(stat.get("kvm_exit"), sum(found.values()));
});

for (const [way, mend] of [
  ["direct", "directly: .*; use --attach record"],
  ["raw", "to raw tracepoints: .*; leave --attach out"],
] as const)
  if (!MODES.includes(way))
    test(`${way} isn't offered here: asked for, it is refused in one line, and auto takes another`, () => {
      const refused = run("kvm-vmexit-count", "--attach", way, "-d", "0.1");
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, new RegExp(`^kvm-vmexit-count: cannot attach ${mend}\n$`));
      assert.match(
        run("kvm-vmexit-count", "-v", "-d", "0.1").stderr,
        new RegExp(`^attached: ${MODES[0]}; `, "m"),
      );
    });
