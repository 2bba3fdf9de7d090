// The guests that the contestants are measured beside: plain ones, one after the other; or a guest of a guest that never ends.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { READING_MS, ROOT, runGuest, threadNs } from "./guest";
import { type Measured, NESTED, type Turn, WORKLOADS } from "./results";

const PROBE = ["--cpuid", "500"];
const NESTED_SCRIPT = join(ROOT, "test/lab/nested");
/** How long a nested guest is watched: some three thousand turns, and 25 ticks of its clock, which are exits too. */
const NESTED_MS = 100;
// Of which the median is taken: what tools do each second falls into some, and the kernel's work that their start left.
const NESTED_WATCHES = 5;
/** In which L2 begins; a third of it is enough. */
const NESTED_BOOT_MS = 30_000;
const NESTED_BOOTS = 3;
const POLL_MS = 500;
// QEMU names its vCPUs' threads so (debug-threads=on).
const VCPU_THREAD = "CPU 0/KVM\n";

export type Turns = Pick<Measured, "turns" | "again">;

/** What a contestant is measured beside. */
export interface Guests {
  /** Exits of a turn. */
  readonly exits: number;
  /** One turn, to see whether a contestant has started. */
  probe(): Promise<Turn>;
  /** All workloads. */
  run(): Promise<Turns>;
  end(): void;
}

/** Guests that are started for each measurement. */
export const plainGuests: Guests = {
  exits: 1,
  probe: () => Promise.resolve(runGuest(...PROBE)),
  run: async () => {
    const turns: Record<string, Turn> = {};
    for (const { name, guest } of WORKLOADS) {
      await sleep(READING_MS);
      turns[name] = runGuest(...guest);
    }
    const [first] = WORKLOADS;
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

/** Entries to L2 since KVM was loaded, all vCPUs together. @throws on kernels before 5.13, which don't count them */
function nestedEntries(): number {
  return Number(readFileSync("/sys/kernel/debug/kvm/nested_run", "utf8"));
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

/** A guest of a guest that has begun, the leader of its processes' group. L1's kernel was seen to stop while it boots (7.2). */
async function bootNested(): Promise<ChildProcess> {
  for (let boot = 0; boot < NESTED_BOOTS; boot++) {
    const child = spawn(NESTED_SCRIPT, NESTED.guest, {
      stdio: ["ignore", "ignore", "inherit"],
      detached: true,
    });
    for (let ms = 0; ms < NESTED_BOOT_MS && child.exitCode === null; ms += POLL_MS) {
      await sleep(POLL_MS);
      if (nestedEntries() > 0) return child;
    }
    signal(child, "SIGKILL");
  }
  throw new Error("the guest of a guest has never begun");
}

/** One guest of a guest that never ends. A turn is from one entry to L2 to the next. */
export async function nestedGuests(): Promise<Guests> {
  const child = await bootNested();
  const thread = vcpuThread();
  if (!thread) throw new Error(`no thread is called ${VCPU_THREAD.trim()}`);
  const now = () => ({
    entries: nestedEntries(),
    cpuNs: threadNs(thread),
    ns: Number(process.hrtime.bigint()),
  });
  /** L1 is stopped while nobody looks, or contestants would start as slowly as it runs. */
  const watch = async (): Promise<Turn> => {
    signal(child, "SIGCONT");
    const before = now();
    await sleep(NESTED_MS);
    const after = now();
    signal(child, "SIGSTOP");
    const turns = after.entries - before.entries;
    return { thread: (after.cpuNs - before.cpuNs) / turns, elapsed: (after.ns - before.ns) / turns };
  };
  const watches = async (): Promise<Turn> => {
    const turns: Turn[] = [];
    while (turns.length < NESTED_WATCHES) turns.push(await watch());
    return median(turns);
  };
  return {
    exits: 8,
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
