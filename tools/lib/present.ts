// What the counting tools have in common: the same trace, shown as JSON, CSV or a table of each group.
import { type By, titleOf } from "../../src/measure/grouping";
import { csvHeading, csvLines } from "../../src/render/csv";
import type { Columns } from "../../src/measure/columns";
import { jsonLine } from "../../src/render/json";
import { timeStamp } from "../../src/local-time";
import { lostLines } from "../../src/render/lost";
import type { Samples } from "../../src/measure/samples";
import type { SharedOptions } from "./options";
import { diagnose, print } from "./output";
import type { Status } from "./run";
import { trace } from "./watch";

/** How a counting tool differs from the others. */
export interface CountingTool<T extends SharedOptions> {
  readonly name: string;
  readonly options: T;
  readonly command: readonly string[];
  readonly interval: number | undefined;
  readonly count: number | undefined;
  readonly by: By;
  readonly columns: Columns;
  readonly timing: boolean;
  readonly histograms: boolean;
  /** Whether to tell which exits of L2 went to L1. */
  readonly reflected?: boolean;
  /** What of the samples is looked at, for all outputs; all if missing. */
  readonly select?: (samples: Samples) => Samples;
  /** Lines of one group as text; the heading is wanted or not. */
  readonly text: (samples: Samples, heading: boolean, all: Samples) => string[];
}

/** Runs the trace and shows it in the form that the options ask for. */
export function runCounting<T extends SharedOptions>(tool: CountingTool<T>): Promise<Status> {
  const { name, options, interval, count, columns, by, select = (samples: Samples) => samples } = tool;
  const heading = options.header;
  let tablesBefore = false;
  return trace({
    options,
    command: tool.command,
    ...(interval === undefined ? {} : { interval }),
    ...(count === undefined ? {} : { count }),
    timing: tool.timing,
    histograms: tool.histograms,
    reflected: tool.reflected ?? false,
    by,
    begin: () => {
      if (options.csv && heading) print([csvHeading(columns)]);
    },
    show: (shown, groups, lost) => {
      const selected = groups.map(([identity, samples]) => [identity, select(samples)] as const);
      if (options.json) print([jsonLine(name, shown, selected, lost, columns)]);
      else if (options.csv) {
        print(csvLines(shown, selected, columns));
        for (const line of lostLines(lost)) diagnose(line);
      } else {
        const empty: Samples = new Map();
        const tables = groups.length > 0 ? groups : ([[{}, empty]] as const);
        const lines = tables.flatMap(([identity, samples], i) => {
          const title = titleOf(identity);
          return [
            ...(i > 0 ? [""] : []),
            ...(title ? [title] : []),
            ...tool.text(select(samples), heading, samples),
          ];
        });
        const stamp = interval === undefined ? [] : [timeStamp(shown.end)];
        print([...(tablesBefore ? [""] : []), ...stamp, ...lines, ...lostLines(lost)]);
        tablesBefore = true;
      }
    },
  });
}
