// SPDX-License-Identifier: MIT
// kvm-trace report's tables: those of the live tools, of a recording.
import { type By, groupingSteps } from "../../src/measure/grouping";
import { type Sort, hasNested } from "../../src/measure/ranking";
import type { Columns } from "../../src/measure/columns";
import { countTable } from "../../src/render/count";
import { hasDetails, titleOf } from "../../src/render/names";
import { csvHeading, csvSteps } from "../../src/render/csv";
import { jsonPieces } from "../../src/render/json";
import { timeTable } from "../../src/render/time";
import type { Unit } from "../../src/render/units";
import type { Samples } from "../../src/measure/samples";
import { isOfVmm } from "../../src/reasons";
import type { Host } from "../../src/measure/lines";
import type { Reading } from "../../src/measure/reading";
import type { Time } from "../../src/measure/time";
import { Pace, inSteps } from "../../src/pace";
import { aboutRecording } from "../lib/about";
import type { FilterOptions } from "../lib/options";
import { histogramsByReason } from "../lib/histograms";
import { emphasized, outputEnded, outputWritten, print, printPieces } from "../lib/output";
import { type Page, formOf, headed, measured, pageOf } from "../lib/tables";

export interface TableOptions extends FilterOptions {
  by: By;
  table: "count" | "time" | "histogram";
  unit: Unit;
  wide: boolean;
  sort?: Sort;
  top?: number;
  rate: boolean;
  l2: boolean;
  trim: boolean;
  json: boolean;
  csv: boolean;
  utcOffset: boolean;
  header: boolean;
  /** The instruction set of the exits, if that is known. */
  host?: Host | undefined;
}

function linesOf(samples: Samples, page: Page, options: TableOptions): string[] {
  const { table } = options;
  // Columns of who handled exits of L2 only where that was told.
  const wide = options.wide && [...samples.values()].some(({ reflected }) => reflected > 0);
  if (table === "count")
    return headed(countTable(samples, formOf({ ...options, wide }, page, "count")), page.heading);
  // The VMM isn't told whose level it was.
  const levels = ![...samples.values()].some(({ isa }) => isOfVmm(isa));
  if (table === "time")
    return headed(timeTable(samples, { ...formOf(options, page, "time"), levels }), page.heading);
  return histogramsByReason(samples, page, options);
}

/**
 * Prints a reading that isn't live.
 * @param tool what JSON calls the tool
 * @param vcpus how many had the exits, if that is known
 */
export async function printTables(
  tool: string,
  reading: Reading & Time,
  options: TableOptions,
  vcpus: number | undefined,
): Promise<void> {
  const groups = await inSteps(groupingSteps(reading, options.by));
  const columns: Columns = options.table === "time" && options.wide ? "wide" : options.table;
  const details = groups.some(([, samples]) => hasDetails(samples));
  const asked = {
    by: options.by,
    timing: columns !== "count",
    histograms: columns === "wide" || columns === "histogram",
    ...(details ? { details } : {}),
  };
  const about = options.json && { ...aboutRecording(tool, options, asked), host: options.host };
  if (about) {
    await printPieces(jsonPieces(about, reading, groups, reading.lost, columns, vcpus));
    print([""]);
  } else if (options.csv) {
    if (options.header) print([csvHeading(columns, details)]);
    await printPieces(csvSteps(reading, groups, columns, options.utcOffset, details), "\n");
  } else {
    const nested = groups.some(([, samples]) => hasNested(samples));
    const page = pageOf(options.header, reading.durationNs, nested);
    const pace = new Pace();
    for (const [identity, samples] of groups.length > 0 ? groups : [[{}, new Map()] as const]) {
      const title = titleOf(identity);
      print([...(title === "" ? [] : [emphasized(title)]), ...linesOf(samples, page, options)]);
      // Of tables there may be thousands.
      await outputWritten();
      await pace.rest();
      if (outputEnded()) return;
    }
    if (options.header) print(measured(reading.durationNs));
  }
}
