// In the lab under --icount: measures each contestant beside the same guests, and prints KernelResults, each with one more, as lines of JSON.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { release } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CONTESTANTS, type Contestant, isThere } from "./contestants";
import { type KernelResult, type Measured, type Turn, WORKLOADS, type Workload } from "./results";

const GUEST = join(__dirname, "..", "..", "build/lab/guest");
// A contestant has started when an exit costs more, and the same twice. Clocks don't tell: waiting for the disk takes none of
// the lab's time, or any.
const PROBE: Workload = { name: "probe", guest: ["--cpuid", "500"] };
const PROBE_MS = 500;
const PROBES = 200;
const SAME = 0.01;
const END_MS = 60_000;
// Less than anything on the tracepoint can add (two empty programs add some 140): then nothing was attached.
const LEAST_ADDED = 60;

function runGuest({ guest }: Workload): Turn {
  const { stdout, stderr, status } = spawnSync(GUEST, [...guest, "--time", "--cpu-time"], {
    encoding: "utf8",
  });
  const [elapsed, thread] = [...stdout.matchAll(/^([\d.]+) ns/gm)].map((match) => Number(match[1]));
  if (status !== 0 || elapsed === undefined || thread === undefined) throw new Error(`guest: ${stderr}`);
  return { thread, elapsed };
}

function runGuests(): Pick<Measured, "turns" | "again"> {
  const turns = Object.fromEntries(WORKLOADS.map((workload) => [workload.name, runGuest(workload)]));
  const [first] = WORKLOADS;
  return first ? { turns, again: runGuest(first) } : { turns };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  await Promise.race([ended, sleep(END_MS, undefined, { ref: false })]);
  child.kill("SIGKILL");
}

/** Waits until it traces; false if it ends before, or never does. */
async function started(child: ChildProcess, base: number): Promise<boolean> {
  for (let i = 0, previous = 0; i < PROBES && child.exitCode === null; i++) {
    await sleep(PROBE_MS);
    const { thread } = runGuest(PROBE);
    if (thread > base + LEAST_ADDED && Math.abs(thread - previous) < SAME * thread) return true;
    previous = thread;
  }
  return false;
}

async function measure(contestant: Contestant, probe: number): Promise<Measured> {
  const { name, group, command } = contestant;
  const failed = (failure: string): Measured => ({ name, group, turns: {}, failure });
  if (!isThere(contestant)) return failed("not on this machine");
  const [program = "", ...parameters] = command;
  // An open stdin that says nothing: perf kvm stat live spins on one that ends.
  const child = spawn(program, parameters, { stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (data: Buffer) => {
    said = (said + data.toString()).slice(-1000);
  });
  if (!(await started(child, probe))) {
    await end(child);
    return failed(`it traced nothing: ${said.trim().split("\n").at(-1) ?? ""}`);
  }
  const measured = { name, group, ...runGuests() };
  await end(child);
  return measured;
}
async function main(suite: string): Promise<void> {
  runGuests(); // warm: modules, page cache, the guest itself
  const base: Measured = { name: "nothing", group: "floor", ...runGuests() };
  const { thread: probe } = runGuest(PROBE);
  const contestants: Measured[] = [];
  for (const contestant of CONTESTANTS) {
    const measured = await measure(contestant, probe);
    const first = measured.turns["cpuid"];
    console.error(`${suite}: ${measured.name}: ${measured.failure ?? first?.thread ?? ""}`);
    contestants.push(measured);
    // The last line counts; the others are what a run that is cut off leaves in KERNEL.json.part.
    const result: KernelResult = { suite, release: release(), base, contestants };
    console.log(JSON.stringify(result));
  }
}

void main(process.argv[2] ?? "");
