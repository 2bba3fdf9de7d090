// The JSON of the tools, schema kvm-vmexit/1: one object a line for each interval.
import type { Lost } from "../native";
import { reasonName } from "../reasons";
import { type Counters, type Samples, total } from "../samples";
import { inOrder } from "./count";

/** The time that an output speaks of. */
export interface Interval {
  readonly start: Date;
  readonly end: Date;
  /** Whether it is the last one. */
  readonly final: boolean;
}

type Levels = Record<"total" | "l1" | "l2", number>;

/** One number of a sample for each level and in sum. */
function levels(l1: Counters, l2: Counters, all: Counters, number: (counters: Counters) => number): Levels {
  return { total: number(all), l1: number(l1), l2: number(l2) };
}

/** The line of one interval, without line break. */
export function jsonLine(tool: string, interval: Interval, samples: Samples, lost: Lost): string {
  return JSON.stringify({
    schema: "kvm-vmexit/1",
    tool,
    start: interval.start.toISOString(),
    end: interval.end.toISOString(),
    final: interval.final,
    exits: inOrder(samples).map((sample) => ({
      isa: sample.isa,
      reason: sample.reason,
      name: reasonName(sample.isa, sample.reason) ?? null,
      count: levels(sample.l1, sample.l2, total(sample), (counters) => counters.count),
    })),
    lost,
  });
}
