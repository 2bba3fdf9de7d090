// SPDX-License-Identifier: MIT
// In the lab, where instructions are counted: measures each contestant beside the same guests, and prints as lines of JSON a Machine
// and then each Measured. usage: measure.js MACHINE [PATTERN], a regular expression of contestants' names
import { type ChildProcess, spawn } from "node:child_process";
import { release } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type Contestant, contestantsOn, isThere, workloadsOf } from "./contestants";
import { ToolError } from "../src/errors";
import { runStatistics } from "../src/native/overhead";
import { openSplitter } from "../src/native/split";
import { openCounters } from "../src/native/stat";
import { openSession } from "../src/native/vmexit";
import {
  GENERAL,
  type Machine,
  type Measured,
  type ProgramSize,
  WORKLOADS,
  type Workload,
  firstTurn,
  originNow,
} from "./results";
import { type Guests, type Turns, nestedGuests, plainGuests } from "./workloads";

// A contestant has started when an exit costs more, and the same twice. Clocks don't tell: waiting for the disk takes none of
// the lab's time, or any.
const PROBE_MS = 500;
const PROBES = 200;
const RETRIES = 2;
const END_MS = 60_000;
// Instructions of an exit: less than anything on the tracepoint can add (two empty programs add some 140). Then nothing was
// attached.
const LEAST_ADDED = 60;

const COUNT = { timing: false, histograms: false };
const TIME = { timing: true, histograms: false };
const OURS = [
  ["kvm-vmexit-count", COUNT],
  ["kvm-vmexit-time", TIME],
  ["kvm-vmexit-hist", { timing: true, histograms: true }],
  ["kvm-vmexit-slower", { ...TIME, slowNs: 1e10 }],
] as const;

/** Whether a turn costs more than the base, and the same as a third. */
function isSteady(turn: number, base: number, third: number, { same }: Guests): boolean {
  return turn > base + LEAST_ADDED && Math.abs(turn - third) < same;
}

/**
 * Whether the first workload cost the same at the end, and more than `base`: some begin in steps, and have not all attached
 * when they first cost; some stop.
 */
function goesOn(measured: Turns, base: Measured, guests: Guests): boolean {
  const [name = "", first] = firstTurn(measured) ?? [];
  const without = base.turns[name];
  const { again } = measured;
  return first && again && without ? isSteady(first.thread, without.thread, again.thread, guests) : false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  await Promise.race([ended, sleep(END_MS, undefined, { ref: false })]);
  child.kill("SIGKILL");
}

/** Waits until it traces; false if it ends before, or never does. */
async function started(
  child: ChildProcess,
  guests: Guests,
  workload: Workload,
  base: number,
): Promise<boolean> {
  for (let i = 0, previous = 0; i < PROBES && child.exitCode === null; i++) {
    await sleep(PROBE_MS);
    const { thread } = await guests.probe(workload);
    if (isSteady(thread, base, previous, guests)) return true;
    previous = thread;
  }
  return false;
}

async function measure(
  contestant: Contestant,
  guests: Guests,
  probes: ReadonlyMap<Workload, number>,
  base: Measured,
): Promise<Measured> {
  const [program, ...parameters] = contestant.beside ?? [];
  const beside = program === undefined ? undefined : spawn(program, parameters, { stdio: "ignore" });
  const measured = await measureAlone(contestant, guests, probes, base);
  if (!beside) return measured;
  const ended = beside.exitCode !== null;
  await end(beside);
  const { name, group } = contestant;
  return ended ? { name, group, turns: {}, failure: "what was beside it ended" } : measured;
}

async function measureAlone(
  contestant: Contestant,
  guests: Guests,
  probes: ReadonlyMap<Workload, number>,
  base: Measured,
): Promise<Measured> {
  const workloads = workloadsOf(contestant);
  const [first] = workloads;
  const { name, group, command, prints } = contestant;
  const failed = (failure: string): Measured => ({ name, group, turns: {}, failure });
  if (!first || !isThere(contestant)) return failed("not on this machine");
  const [program = "", ...parameters] = command;
  // An open stdin that says nothing: perf kvm stat live spins on one that ends.
  const child = spawn(program, parameters, { stdio: ["pipe", prints ? "pipe" : "ignore", "pipe"] });
  let said = "";
  let printed = "";
  child.stdout?.on("data", (data: Buffer) => (printed += data.toString()));
  child.stderr?.on("data", (data: Buffer) => {
    said = (said + data.toString()).slice(-1000);
  });
  if (!(await started(child, guests, first, probes.get(first) ?? NaN))) {
    await end(child);
    return failed(`it traced nothing: ${said.trim().split("\n").at(-1) ?? ""}`);
  }
  let measured = await guests.run(workloads);
  for (let i = 0; i < RETRIES && !goesOn(measured, base, guests); i++) measured = await guests.run(workloads);
  const ended = child.exitCode !== null;
  await end(child);
  if (ended) return failed("it ended while it was measured");
  if (!goesOn(measured, base, guests)) return failed("it didn't go on tracing");
  const blind = prints && !prints.test(printed);
  if (blind && !contestant.blindly) return failed("it counted none of these exits");
  return { name, group, ...measured, ...(blind ? { blind } : {}) };
}

/** The programs of kvm-stat that count an exit, by reason or not, and a return to user space. */
function programsOfStat(): ProgramSize[] {
  const counters = openCounters(["kvm_exit", "kvm_userspace_exit", "kvm_cpuid"]);
  try {
    counters.attach([0, 1, 2]);
    return runStatistics().map(({ name, verifiedInsns, jitedBytes }) => ({
      tool: "kvm-stat",
      program: name,
      verified: verifiedInsns,
      bytes: jitedBytes,
    }));
  } finally {
    counters.close();
  }
}

/** The programs of kvm-vmexit split, both ways to attach where the kernel can. */
function programsOfSplit(): ProgramSize[] {
  return (["direct", "probe"] as const).flatMap((attach) => {
    try {
      const splitter = openSplitter({ attach, maxVcpus: 1024 });
      const { programs } = splitter.info();
      splitter.close();
      return programs.map(({ name, verifiedInsns, jitedBytes }) => ({
        tool: attach === "direct" ? "kvm-vmexit split" : `kvm-vmexit split --attach ${attach}`,
        program: name,
        verified: verifiedInsns,
        bytes: jitedBytes,
      }));
    } catch (error) {
      if (error instanceof ToolError) return [];
      throw error;
    }
  });
}

/** The programs of each of our counting tools, as it attaches by itself and by payload, and kvm-stat's. */
function programSizes(): ProgramSize[] {
  const sizes = (["auto", "record"] as const).flatMap((attach) =>
    OURS.flatMap(([tool, options]) => {
      try {
        const session = openSession({ ...options, attach, details: false, maxVcpus: 1024 });
        const { programs } = session.info();
        session.close();
        return programs.map(({ name, verifiedInsns, jitedBytes }) => ({
          tool: attach === "auto" ? tool : `${tool} --attach record`,
          program: name,
          verified: verifiedInsns,
          bytes: jitedBytes,
        }));
      } catch (error) {
        if (error instanceof ToolError) return [];
        throw error;
      }
    }),
  );
  return [...sizes, ...programsOfSplit(), ...programsOfStat()];
}

async function main(machine: string, pattern: RegExp): Promise<void> {
  const nested = machine.endsWith("-nested");
  const guests = nested ? await nestedGuests() : plainGuests;
  // A guest of a guest does what GENERAL's first one does.
  const contestants = contestantsOn(process.env["KVM_LAB"] ?? "").filter(
    (contestant) => pattern.test(contestant.name) && (!nested || workloadsOf(contestant)[0] === GENERAL[0]),
  );
  await guests.run(WORKLOADS); // warm: modules, page cache, the guest itself
  const base: Measured = { name: "nothing", group: "floor", ...(await guests.run(WORKLOADS)) };
  const probes = new Map<Workload, number>();
  for (const [first] of contestants.map(workloadsOf))
    if (first && !probes.has(first)) probes.set(first, (await guests.probe(first)).thread);
  const about: Machine = { ...originNow(), machine, release: release(), base, programs: programSizes() };
  console.log(JSON.stringify(about));
  for (const contestant of contestants) {
    const measured = await measure(contestant, guests, probes, base);
    console.error(
      `${machine}: ${measured.name}: ${measured.failure ?? firstTurn(measured)?.[1].thread ?? ""}`,
    );
    console.log(JSON.stringify(measured));
  }
  guests.end();
}

void main(process.argv[2] ?? "", new RegExp(process.argv[3] ?? ""));
