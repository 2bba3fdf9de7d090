// SPDX-License-Identifier: MIT
// The tables of a saved run.
import { UsageError } from "../../src/errors";
import { type Sample, type Samples, total } from "../../src/measure/samples";
import { lostLines } from "../../src/render/lost";
import { splitTable } from "../../src/render/split";
import { splitCsvHeading, splitCsvLines, splitJsonLine } from "../../src/render/split-lines";
import { reasonsOf } from "../../src/report/compare";
import { isTimed } from "../../src/report/exit-sum";
import { hostOf } from "../../src/report/evidence";
import type { ExitsOfRun, Run } from "../../src/report/run";
import { aboutRecording } from "../lib/about";
import { whyNothing } from "../lib/filters";
import { alarming, diagnose, outputColumns, print } from "../lib/output";
import { headed, measured } from "../lib/tables";
import { type TableOptions, printTables } from "../trace/tables";

/** What report calls itself in JSON. */
const NAME = "kvm-vmexit-report";

/** What can be shown. */
export const TABLES = ["count", "time", "hist", "split", "vmm"] as const;

/** How a run is shown. */
export interface ShowOptions extends Omit<TableOptions, "table" | "top"> {
  /** Undefined: whatever the files have. */
  readonly table?: (typeof TABLES)[number] | undefined;
  readonly top?: number | undefined;
  readonly idle: string;
  /** Names of VMs that weren't wanted. */
  readonly others: readonly string[];
}

/** How many exits a run has. */
export function countOf({ exits }: Pick<Run, "exits">): number {
  let count = 0;
  for (const samples of exits.reading.exits.values())
    for (const { l1, l2 } of samples.values()) count += l1.count + l2.count;
  return count;
}

/** The reasons that cost most, or came most often where there are no times. */
function topOf(run: ExitsOfRun, top: number | undefined, timed: boolean): Run["exits"]["reading"] {
  const { reading } = run.exits;
  if (top === undefined) return reading;
  const cost = (sample: Sample) => (timed ? total(sample).totalNs : total(sample).count);
  const keys = [...reasonsOf(run)].sort(([, a], [, b]) => cost(b) - cost(a)).map(([key]) => key);
  const shown = new Set(keys.slice(0, top));
  if (keys.length > top)
    diagnose(`Not shown: ${keys.length - top} reasons that ${timed ? "cost" : "came"} less`);
  const some = (samples: Samples): Samples => new Map([...samples].filter(([key]) => shown.has(key)));
  return { ...reading, exits: new Map([...reading.exits].map(([key, samples]) => [key, some(samples)])) };
}

function untold(by: "vm" | "vcpu"): never {
  throw new UsageError(
    `the file doesn't tell ${by === "vm" ? "VMs" : "vCPUs"} apart; save it with --by ${by}`,
  );
}

/** @throws UsageError if the lines don't tell apart what is to get a table each */
function checkIdentities({ reading }: Run["exits"], by: "vm" | "vcpu"): void {
  for (const [key, samples] of reading.exits) {
    const { vm, vcpu, tid } = reading.vcpus.get(key) ?? {};
    const has = by === "vm" ? vm !== undefined : vcpu !== undefined || tid !== undefined || vm?.pid === 0;
    if (!has && samples.size > 0) untold(by);
  }
}

function showLosses(lost: Run["exits"]["reading"]["lost"], options: ShowOptions): void {
  if (options.json) return;
  const losses = lost ? lostLines(lost) : ["Lost: unknown how much"];
  if (options.csv) losses.forEach(diagnose);
  else print(losses.map(alarming));
}

async function showExits(
  run: ExitsOfRun,
  table: "count" | "time" | "hist",
  options: ShowOptions,
): Promise<void> {
  const timed = isTimed(run.exits);
  if (table !== "count" && !timed && countOf(run) > 0)
    throw new UsageError("the files have no times: they were saved by kvm-vmexit count; use --table count");
  const { by } = options;
  if (by !== "reason") checkIdentities(run.exits, by);
  const { top, ...others } = options;
  // Tables have what isn't shown in a row of its own.
  const tables = !options.json && !options.csv && table !== "hist";
  const { vcpus } = run.exits;
  await printTables(
    NAME,
    tables ? run.exits.reading : topOf(run, top, timed),
    {
      ...others,
      ...(top === undefined ? {} : { top }),
      table: table === "hist" ? "histogram" : table,
      host: hostOf(run),
    },
    vcpus,
  );
  showLosses(run.exits.reading.lost, options);
}

/** How vCPUs' time was split: a row for each vCPU or VM, as it was saved. */
function showSplit(run: Run, options: ShowOptions): void {
  const { split } = run;
  const { by, csv, json, header, unit, wide } = options;
  if ([options.reasons, options.excludes].some((list) => list !== undefined) || options.idle !== "show")
    throw new UsageError(
      "the split of vCPUs' time has no reasons; leave --reasons, --excludes and --idle out",
    );
  const groups = split.groups(by === "vm" ? "vm" : "vcpu");
  for (const { vm, vcpu, tid } of groups)
    if ((by === "vm" && !vm) || (by === "vcpu" && (vcpu ?? tid) === undefined && vm?.pid !== 0)) untold(by);
  const time = split.time;
  if (json) {
    const about = {
      ...aboutRecording(NAME, options, { by: by === "reason" ? "vcpu" : by }),
      host: hostOf(run),
    };
    print([splitJsonLine(about, { ...time, lost: split.lost }, groups)]);
  } else if (csv) {
    print([...(header ? [splitCsvHeading()] : []), ...splitCsvLines(time, groups, options.utcOffset)]);
  } else {
    const { durationNs } = time;
    const table = { durationNs, wide, unit, heading: header, room: outputColumns() };
    const lines = headed(splitTable(groups, { ...table, sort: "name", top: options.top }), header);
    print([...lines, ...(header ? measured(durationNs) : [])]);
  }
  showLosses(split.lost, options);
}

/** What files can have. */
type Part = "split" | "vmm" | "exits";

/** What is shown of them. @throws UsageError if they don't have it */
function partsOf(run: Run, { table, csv }: ShowOptions): readonly Part[] {
  const parts = (["split", "vmm", "exits"] as const).filter((part) => run[part].intervals > 0);
  const has = (part: Part) => parts.includes(part);
  if (table === undefined) {
    if (csv && parts.length > 1)
      throw new UsageError(`the files have ${parts.join(" and ")}, whose CSV differs; choose with --table`);
    return parts;
  }
  if (table === "split" || table === "vmm") {
    if (!has(table))
      throw new UsageError(
        table === "split"
          ? "the files have no split of vCPUs' time, which kvm-vmexit split saves"
          : "the files have no exits to the VMM, which kvm-vmexit vmm saves",
      );
    return [table];
  }
  if (!has("exits") && !has("vmm"))
    throw new UsageError("the files have no exits: they were saved by kvm-vmexit split; leave --table out");
  return [has("exits") ? "exits" : "vmm"];
}

/**
 * Prints the tables that the files have, where a vCPU's time went first; or the one that was asked for.
 * @throws UsageError if they haven't
 */
export async function showRun(run: Run, options: ShowOptions): Promise<void> {
  const { table } = options;
  const kind = table === "split" || table === "vmm" ? undefined : table;
  for (const [i, part] of partsOf(run, options).entries()) {
    if (i > 0 && !options.json) print([""]);
    if (part === "split") showSplit(run, options);
    else {
      const exits = part === "vmm" ? run.ofVmm : run;
      if (countOf(exits) === 0) diagnose(whyNothing(options, options.others));
      await showExits(exits, kind ?? (isTimed(exits.exits) ? "time" : "count"), options);
    }
  }
}
