// The JSON of the tools, schema kvm-vmexit/1 (docs/kvm-vmexit.schema.json): one object a line for each time.
import type { Grouped, Identity } from "../measure/grouping";
import { octaves } from "../measure/histogram";
import type { Columns } from "../measure/columns";
import type { Time } from "../measure/time";
import type { Lost } from "../measure/lost";
import { reasonName } from "../reasons";
import { type Counters, type Sample, inOrder, total } from "../measure/samples";

type Levels<T> = Record<"total" | "l1" | "l2", T>;

/** Something of a sample for each level and for both. */
function levels<T>(sample: Sample, of: (counters: Counters) => T): Levels<T> {
  return { total: of(total(sample)), l1: of(sample.l1), l2: of(sample.l2) };
}

/** The names of a group's VM and vCPU, as JSON and CSV have them. */
function identityFields({ vm, vcpu, tid }: Identity): Record<string, string | number> {
  return {
    ...(vm ? { vm: vm.name, pid: vm.pid, pidStartNs: vm.startNs } : {}),
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(tid === undefined ? {} : { tid }),
  };
}

function exitFields(sample: Sample, columns: Columns): Record<string, unknown> {
  return {
    isa: sample.isa,
    reason: sample.reason,
    name: reasonName(sample.isa, sample.reason) ?? null,
    count: levels(sample, (counters) => counters.count),
    ...(columns === "nested"
      ? { l2: { reflected: sample.reflected, handled: sample.l2.count - sample.reflected } }
      : {}),
    ...(columns === "count" || columns === "nested"
      ? {}
      : {
          timed: levels(sample, (counters) => counters.timed),
          timeNs: levels(sample, (counters) => counters.totalNs),
          maxNs: levels(sample, (counters) => counters.maxNs),
        }),
    ...(columns === "histogram" || columns === "wide"
      ? {
          histogram: levels(sample, (counters) =>
            octaves(counters.buckets).flatMap(({ low, high, count }) =>
              count > 0 ? [[low, high, count]] : [],
            ),
          ),
        }
      : {}),
  };
}

/** The line of one interval, without line break; `lost` is undefined where nobody knows. */
export function jsonLine(
  tool: string,
  time: Time,
  groups: readonly Grouped[],
  lost: Lost | undefined,
  columns: Columns,
): string {
  return JSON.stringify({
    schema: "kvm-vmexit/1",
    tool,
    start: time.start.toISOString(),
    end: time.end.toISOString(),
    final: time.final,
    exits: groups.flatMap(([identity, samples]) =>
      inOrder(samples).map((sample) => ({ ...identityFields(identity), ...exitFields(sample, columns) })),
    ),
    lost: lost ?? null,
  });
}
