// SPDX-License-Identifier: MIT
// The guests that the contestants are measured beside: plain ones, one after the other; or a guest of a guest that never ends.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NS_PER_INSTRUCTION, READING_MS, ROOT, instructions, runGuest, threadNs } from "./guest";
import { type Measured, NESTED, type Turn, type Workload } from "./results";

const PROBE_TURNS = "500";
const NESTED_SCRIPT = join(ROOT, "lab/nested");
/** How long a nested guest is watched: 60 million instructions, some 13,000 exits, a few of them its clock's. */
const NESTED_MS = 60 * NS_PER_INSTRUCTION;
// Of which the median is taken: what tools do each second falls into some, and the kernel's work that their start left.
const NESTED_WATCHES = 5;
// QEMU names its vCPUs' threads so (debug-threads=on).
const VCPU_THREAD = "CPU 0/KVM\n";

export type Turns = Pick<Measured, "turns" | "again">;

/** What a contestant is measured beside. */
export interface Guests {
  /** Instructions that turns of the same cost differ by. */
  readonly same: number;
  /** One turn of a workload, to see whether a contestant has started. */
  probe(workload: Workload): Promise<Turn>;
  /** Workloads, and the first one again. */
  run(workloads: readonly Workload[]): Promise<Turns>;
  end(): void;
}

/** Guests that are started for each measurement. */
export const plainGuests: Guests = {
  same: 25,
  probe: ({ guest: [kind = ""] }) => Promise.resolve(runGuest(kind, PROBE_TURNS)),
  run: async (workloads) => {
    const turns: Record<string, Turn> = {};
    for (const { name, guest } of workloads) {
      await sleep(READING_MS);
      turns[name] = runGuest(...guest);
    }
    const [first] = workloads;
    await sleep(READING_MS);
    return first ? { turns, again: runGuest(...first.guest) } : { turns };
  },
  end: () => undefined,
};

/** The folder in /proc of the thread that runs the first vCPU of QEMU's; undefined while there is none. */
function vcpuThread(): string | undefined {
  for (const process of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    try {
      const threads = readdirSync(`/proc/${process}/task`).map((thread) => `/proc/${process}/task/${thread}`);
      const found = threads.find((thread) => readFileSync(`${thread}/comm`, "utf8") === VCPU_THREAD);
      if (found) return found;
    } catch {
      continue; // it has ended meanwhile
    }
  return undefined;
}

/** Exits of all vCPUs that there are, L1's and L2's: every kernel counts them for itself. */
function exitsOfAll(): number {
  return Number(readFileSync("/sys/kernel/debug/kvm/exits", "utf8"));
}

/** The turn in the middle of so many, by its length. */
function median(turns: readonly Turn[]): Turn {
  const middle = [...turns].sort((a, b) => a.thread - b.thread)[turns.length >> 1];
  if (!middle) throw new Error("there are no turns");
  return middle;
}

/** To all processes of its group. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.exitCode === null) process.kill(-(child.pid ?? NaN), name);
}

/** A guest of a guest that has begun, the leader of its processes' group. */
async function bootNested(): Promise<ChildProcess> {
  const child = spawn(NESTED_SCRIPT, NESTED.guest, { stdio: ["ignore", "pipe", "inherit"], detached: true });
  await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("exit", () => {
      reject(new Error("the guest of a guest has never begun"));
    });
  });
  return child;
}

/** One guest of a guest that never ends. A turn is an exit of its vCPU's, on the average of all reasons. */
export async function nestedGuests(): Promise<Guests> {
  const child = await bootNested();
  const thread = vcpuThread();
  if (!thread) throw new Error(`no thread is called ${VCPU_THREAD.trim()}`);
  const now = () => ({
    exits: exitsOfAll(),
    cpuNs: threadNs(thread),
    ns: Number(process.hrtime.bigint()),
  });
  /** L1 is stopped between measurements, or contestants would start as slowly as it runs. */
  const watch = async (): Promise<Turn> => {
    signal(child, "SIGCONT");
    const before = now();
    await sleep(NESTED_MS);
    const after = now();
    signal(child, "SIGSTOP");
    const exits = after.exits - before.exits;
    return {
      thread: instructions(after.cpuNs - before.cpuNs) / exits,
      elapsed: instructions(after.ns - before.ns) / exits,
    };
  };
  const watches = async (): Promise<Turn> => {
    const turns: Turn[] = [];
    while (turns.length < NESTED_WATCHES) turns.push(await watch());
    return median(turns);
  };
  return {
    // On 6.1 an exit costs ours more or less as the vCPU's thread came to its CPU in L1 or in L2 (exit_code_of() in bpf/arch/x86.bpf.h).
    same: 60,
    probe: watch,
    run: async () => {
      await sleep(READING_MS);
      return { turns: { [NESTED.name]: await watches() }, again: await watches() };
    },
    end: () => {
      signal(child, "SIGKILL");
    },
  };
}
