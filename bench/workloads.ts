// The guests that the contestants are measured beside: plain ones, one after the other; or a guest of a guest that runs all the time.
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { READING_MS, ROOT, runGuest, turnsIn } from "./guest";
import { type Measured, NESTED, type Turn, WORKLOADS } from "./results";

const PROBE = ["--cpuid", "500"];
const NESTED_SCRIPT = join(ROOT, "test/lab/nested");
const NESTED_OUTPUT = "/tmp/nested-guest";
// Of which the median is taken: what tools do each second, or tenth of one, falls into some.
const NESTED_RUNS = 5;
const POLL_MS = 100;

export type Turns = Pick<Measured, "turns" | "again">;

/** What a contestant is measured beside. */
export interface Guests {
  /** One turn, to see whether a contestant has started. */
  probe(): Promise<Turn>;
  /** All workloads. */
  run(): Promise<Turns>;
  end(): void;
}

/** Guests that are started for each measurement. */
export const plainGuests: Guests = {
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

/** The turn in the middle of so many, by its length. */
function median(turns: readonly Turn[]): Turn | undefined {
  return [...turns].sort((a, b) => a.elapsed - b.elapsed)[turns.length >> 1];
}

/** One guest of a guest, whose runs from now on are the measurement. */
export function nestedGuests(): Guests {
  rmSync(NESTED_OUTPUT, { force: true });
  const child = spawn(NESTED_SCRIPT, ["--forever", NESTED_OUTPUT, ...NESTED.guest, "--time", "--cpu-time"], {
    stdio: ["ignore", "ignore", "inherit"],
    detached: true,
  });
  /** To all processes of the script's group: L1 is stopped while nobody looks, or contestants would start as slowly as it runs. */
  const signal = (name: NodeJS.Signals) => process.kill(-(child.pid ?? NaN), name);
  const read = (): Turn[] => {
    try {
      return turnsIn(readFileSync(NESTED_OUTPUT, "latin1"));
    } catch {
      return [];
    }
  };
  /** The median of the runs to come but the first, which has begun and may have been stopped meanwhile. */
  const runs = async (count: number): Promise<Turn> => {
    const from = read().length + 1;
    signal("SIGCONT");
    for (;;) {
      const turns = read().slice(from, from + count);
      const turn = median(turns);
      if (turn && turns.length === count) {
        signal("SIGSTOP");
        return turn;
      }
      if (child.exitCode !== null) throw new Error("the nested guest has ended");
      await sleep(POLL_MS);
    }
  };
  return {
    probe: () => runs(NESTED_RUNS),
    run: async () => {
      const turns = { [NESTED.name]: await runs(NESTED_RUNS) };
      return { turns, again: await runs(NESTED_RUNS) };
    },
    end: () => signal("SIGKILL"),
  };
}
