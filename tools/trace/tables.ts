// kvm-trace report's tables: those of the live tools, of a recording.
import { type By, groupSamples } from "../../src/measure/grouping";
import { reasonLabel } from "../../src/reasons";
import type { Columns } from "../../src/measure/columns";
import { countTable } from "../../src/render/count";
import { nameInTable, titleOf } from "../../src/render/names";
import { csvHeading, csvLines } from "../../src/render/csv";
import { histogramLines } from "../../src/render/histogram";
import { jsonLine } from "../../src/render/json";
import { timeTable } from "../../src/render/time";
import type { Unit } from "../../src/render/units";
import { type Samples, inOrder, total } from "../../src/measure/samples";
import type { Host } from "../../src/measure/lines";
import type { Reading } from "../../src/measure/reading";
import type { Time } from "../../src/measure/time";
import { aboutRecording } from "../lib/about";
import type { FilterOptions } from "../lib/options";
import { print } from "../lib/output";

export interface TableOptions extends FilterOptions {
  by: By;
  table: "count" | "time" | "histogram";
  unit: Unit;
  wide: boolean;
  json: boolean;
  csv: boolean;
  utcOffset: boolean;
  header: boolean;
  /** Whose exits they are, if that is known. */
  host?: Host | undefined;
}

function linesOf(samples: Samples, { table, unit, wide, header }: TableOptions): string[] {
  if (table === "count") return countTable(samples, header);
  if (table === "time") return timeTable(samples, unit, wide, header);
  return inOrder(samples).flatMap((sample) => [
    `${reasonLabel(sample.reason)} ${nameInTable(sample)}`,
    ...histogramLines(total(sample).buckets, unit, header),
  ]);
}

/** Prints a reading that isn't live. @param tool what JSON calls the tool */
export function printTables(tool: string, reading: Reading & Time, options: TableOptions): void {
  const groups = groupSamples(reading, options.by);
  const columns: Columns = options.table === "time" && options.wide ? "wide" : options.table;
  const about = options.json && {
    ...aboutRecording(tool, options, { by: options.by }),
    host: options.host,
  };
  if (about) print([jsonLine(about, reading, groups, reading.lost, columns, reading.exits.size)]);
  else if (options.csv)
    print([
      ...(options.header ? [csvHeading(columns)] : []),
      ...csvLines(reading, groups, columns, options.utcOffset),
    ]);
  else
    for (const [identity, samples] of groups.length > 0 ? groups : [[{}, new Map()] as const]) {
      const title = titleOf(identity);
      print([...(title === "" ? [] : [title]), ...linesOf(samples, options)]);
    }
}
