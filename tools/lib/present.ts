// SPDX-License-Identifier: MIT
// What the counting tools have in common: intervals, shown as JSON, CSV or a table of each group.
import { intervals } from "../../src/intervals";
import type { Columns } from "../../src/measure/columns";
import { type By, type Grouped, groupSamples } from "../../src/measure/grouping";
import { pickDetails } from "../../src/measure/details";
import { hasNested } from "../../src/measure/ranking";
import type { Samples } from "../../src/measure/samples";
import type { Time } from "../../src/measure/time";
import type { ReasonFilter } from "../../src/reasons/filter";
import type { Wanted } from "../../src/report/selection";
import { csvHeading, csvLines } from "../../src/render/csv";
import { jsonLine } from "../../src/render/json";
import { lostLines } from "../../src/render/lost";
import { titleOf } from "../../src/render/names";
import { aboutTrace } from "./about";
import { liveCheck } from "./live-check";
import {
  type EndOptions,
  type Interval,
  type SharedOptions,
  paceOf,
  refuseRaw,
  requireAttach,
} from "./options";
import { alarming, emphasized, print } from "./output";
import type { Status } from "./run";
import { type Page, pageOf, timed } from "./tables";
import { MAX_ENDED, watch } from "./watch";

/** How a counting tool differs from the others. */
export interface CountingTool<T extends SharedOptions> extends Interval {
  readonly name: string;
  readonly options: T;
  readonly command: readonly string[];
  readonly by: By;
  readonly columns: Columns;
  readonly timing: boolean;
  readonly histograms: boolean;
  /** Whether times leave out what the vCPU slept or waited for a CPU. */
  readonly net?: boolean;
  /** Whether to tell which exits of L2 went to L1. */
  readonly reflected?: boolean;
  /** Limits that the run must keep. */
  readonly checks?: EndOptions;
  /** Whether to tell what exits were about. */
  readonly details?: boolean;
  /** Whether returns of KVM_RUN to the VMM are counted, instead of exits. */
  readonly returns?: boolean;
  /** What JSON says of the choice that select() makes. */
  readonly idle?: NonNullable<Wanted["idle"]>;
  /** What of the samples is looked at, for all outputs; all if missing. */
  readonly select?: (samples: Samples) => Samples;
  /** Lines of one group as text. @param all its samples before select() */
  readonly text: (samples: Samples, page: Page, all: Samples) => string[];
}

/** The tables of an interval, an empty line between two: of the samples selected from those of each group. */
function tables<T extends SharedOptions>(
  { options, text, interval }: CountingTool<T>,
  time: Time,
  groups: readonly Grouped[],
  selected: readonly Grouped[],
): string[] {
  const shown: readonly Grouped[] = groups.length > 0 ? groups : [[{}, new Map()]];
  const nested = selected.some(([, samples]) => hasNested(samples));
  const page = pageOf(options.header, time.durationNs, nested);
  const lines = shown.flatMap(([identity, samples], i) => {
    const title = titleOf(identity);
    return [
      ...(i > 0 ? [""] : []),
      ...(title ? [emphasized(title)] : []),
      ...text(selected[i]?.[1] ?? samples, page, samples),
    ];
  });
  return timed(lines, time, interval !== undefined, options.header);
}

/** Runs the trace and shows it in the form that the options ask for. */
export async function runCounting<T extends SharedOptions>(tool: CountingTool<T>): Promise<Status> {
  const {
    name,
    options,
    command,
    interval,
    columns,
    by,
    timing,
    net = false,
    reflected = false,
    details = false,
    returns = false,
    checks,
  } = tool;
  refuseRaw(options.attach, { "--details": details, "what returns to the VMM": returns });
  if (net) requireAttach("--net", "direct", options.attach);
  const check = await liveCheck(name, checks ?? {}, timing ? "times" : "counts", {
    reasons: options.reasons,
    excludes: options.excludes,
    idle: tool.idle,
  });
  const { select = (samples: Samples) => samples } = tool;
  const bySomebody = by !== "reason";
  const keepsEnded = bySomebody && interval === undefined ? MAX_ENDED : 0;
  const tellsLosses = interval !== undefined && !options.csv;
  const request = {
    options,
    command,
    timing,
    histograms: tool.histograms || check?.histograms === true,
    net,
    reflected,
    details,
    returns,
    names: bySomebody,
    keepsEnded,
    tellsLosses,
    begin: ({ isa }: ReasonFilter) => check?.checkReasons(isa),
  };
  const status = await watch(request, async ({ session, isa, filter, plan, shown, tellLosses, facts }) => {
    if (options.csv && options.header) print([csvHeading(columns, details)]);
    const asked = {
      by,
      timing,
      histograms: tool.histograms,
      ...(net ? { net } : {}),
      ...(details ? { details } : {}),
      ...(tool.idle === undefined ? {} : { idle: tool.idle }),
    };
    const about = options.json && aboutTrace(name, isa, { ...session.info(), facts }, options, asked);
    let tablesBefore = false;
    for await (const reading of intervals(session, { ...plan, ...paceOf(tool) })) {
      check?.add(reading);
      const groups = groupSamples(reading, by, ({ reason }) => filter.wants(reason)).map(
        ([identity, samples]): Grouped => [identity, pickDetails(samples, filter.details)],
      );
      const { lost } = reading;
      if (groups.some(([, samples]) => samples.size > 0)) shown();
      const selected = groups.map(([identity, samples]): Grouped => [identity, select(samples)]);
      const losses = lost ? lostLines(lost) : [];
      if (about) print([jsonLine(about, reading, selected, lost, columns, reading.exits.size)]);
      else if (options.csv) {
        print(csvLines(reading, selected, columns, options.utcOffset, details));
        if (reading.final) tellLosses();
      } else {
        const lines = tables(tool, reading, groups, selected);
        print([...(tablesBefore ? [""] : []), ...lines, ...losses.map(alarming)]);
        tablesBefore = true;
      }
    }
  });
  return check && !status ? check.end(options.json || options.csv) : status;
}
