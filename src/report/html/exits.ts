// SPDX-License-Identifier: MIT
// What a page shows of exits: reasons over time, handling times, tables of reasons and VMs.
import { detailRows } from "../../measure/details";
import { groupSamples } from "../../measure/grouping";
import { percentileOf } from "../../measure/histogram";
import {
  type Counters,
  type Sample,
  type Samples,
  add,
  average,
  sumOf,
  total,
  zero,
} from "../../measure/samples";
import { isIdle, reasonLabel, reasonName } from "../../reasons";
import { titleOf } from "../../render/names";
import { readable } from "../../render/units";
import { reasonsOf } from "../compare";
import { isTimed } from "../exit-sum";
import type { Run } from "../run";
import { escaped } from "../junit";
import type { Moment, Part, Timeline } from "../timeline";
import { type HeatScale, type Series, heatMap, heatScaleOf, heatWords } from "./charts";
import { type Drawn, chartSection, hintOf, timesOf, wordsOf } from "./chart-section";
import { COLOURS } from "./style";
import { type Cell, NONE, number, plain, tableOf, time } from "./table";

const nameOf = ({ isa, reason }: Pick<Sample, "isa" | "reason">) =>
  reasonName(isa, reason) ?? reasonLabel(reason);

/** Which of a page's runs is drawn: its part of ids, and what its titles begin with. */
export interface Place {
  readonly id: string;
  readonly title: string;
}

/** Of a page with one run. */
export const ALONE: Place = { id: "", title: "" };

/** How exits are listed. */
interface Listing {
  readonly id: string;
  readonly title: string;
  readonly samples: Samples;
  /** How long the exits were counted, in ns. */
  readonly durationNs: number;
}

/** A column of exits: its heading, and its cell. */
type ExitColumn = readonly [heading: string, of: (counters: Counters) => Cell];

const percentileColumn = (heading: string, fraction: number): ExitColumn => [
  heading,
  (counters) => time(percentileOf(counters, fraction)),
];

/** The columns of exits; those of times only where some exit has one. */
function exitColumns({ samples, durationNs }: Listing, percentiles: readonly ExitColumn[]): ExitColumn[] {
  const all = total(sumOf(samples));
  const seconds = durationNs / 1e9;
  const timed = (counters: Counters, cell: Cell): Cell => (counters.timed > 0 ? cell : NONE);
  return [
    ["Exits", ({ count }) => number(count)],
    ["Exits/s", ({ count }) => (seconds > 0 ? number(count / seconds, 1) : NONE)],
    ...(all.timed > 0
      ? [
          ["Average", (counters) => timed(counters, time(average(counters)))] satisfies ExitColumn,
          ...(all.buckets.length > 0 ? percentiles : []),
          ["Longest", (counters) => timed(counters, time(counters.maxNs))] satisfies ExitColumn,
          ["Time %", (counters) => timed(counters, shareOf(counters, all.totalNs))] satisfies ExitColumn,
        ]
      : []),
  ];
}

function shareOf({ totalNs }: Counters, allNs: number): Cell {
  return allNs > 0 ? number((100 * totalNs) / allNs, 2) : NONE;
}

/** A table of exits, those of most time first, or most exits where there are no times. */
function exitTable(
  { id, title }: Listing,
  heading: string,
  columns: readonly ExitColumn[],
  rows: readonly (readonly [name: string, counters: Counters])[],
): string {
  const sorted = [...rows].sort(([, a], [, b]) => b.totalNs - a.totalNs || b.count - a.count);
  const cells = sorted.map(([name, counters]): Cell[] => [[name], ...columns.map(([, of]) => of(counters))]);
  const headings = columns.map(([text]) => text);
  const by = headings.includes("Time %") ? headings.indexOf("Time %") : 0;
  return tableOf(id, title, plain([heading, ...headings]), cells, by + 1);
}

function reasonTable(listing: Listing): string {
  const columns = exitColumns(listing, [
    percentileColumn("P50", 0.5),
    percentileColumn("P99", 0.99),
    percentileColumn("P99.9", 0.999),
  ]);
  const rows = [...listing.samples.values()].map((sample) => [nameOf(sample), total(sample)] as const);
  return exitTable(listing, "Reason", columns, rows);
}

/** Details that took most time, or came most often; "" where none are told. */
function detailTable(listing: Listing): string {
  const columns = exitColumns(listing, [percentileColumn("P99", 0.99)]);
  const rows = [...listing.samples.values()]
    .flatMap(detailRows)
    .map(({ text, sample }) => [`${nameOf(sample)}: ${text}`, total(sample)] as const);
  return rows.length === 0 ? "" : exitTable(listing, "What exits were about", columns, rows);
}

function vmTable({ exits: { reading } }: Run, { id, title }: Place): string {
  const seconds = reading.durationNs / 1e9;
  const areTimed = isTimed({ reading });
  const filed = groupSamples(reading, "reason").some(
    ([, samples]) => total(sumOf(samples)).buckets.length > 0,
  );
  const groups = groupSamples(reading, "vm").filter(([{ vm }]) => vm !== undefined);
  if (groups.length === 0) return "";
  const ofTimes = areTimed
    ? ["Average", ...(filed ? ["P99"] : []), "Handling time/s", "Most time"]
    : ["Most exits"];
  const headings = ["VM, without idle exits", "Exits/s", ...ofTimes];
  const perSecond = (value: number, cell: (rate: number) => Cell) =>
    seconds > 0 ? cell(value / seconds) : NONE;
  const rows = groups.map(([identity, samples]): Cell[] => {
    const sum = zero();
    const awake = [...samples.values()].filter(({ isa, reason }) => !isIdle(isa, reason));
    for (const sample of awake) add(sum, total(sample));
    const [first] = awake.sort(
      (a, b) => total(b).totalNs - total(a).totalNs || total(b).count - total(a).count,
    );
    const times = [
      time(sum.timed > 0 ? average(sum) : undefined),
      ...(filed ? [time(percentileOf(sum, 0.99))] : []),
      sum.timed > 0 ? perSecond(sum.totalNs, time) : NONE,
    ];
    return [
      [titleOf(identity)],
      perSecond(sum.count, (rate) => number(rate, 1)),
      ...(areTimed ? times : []),
      [first ? nameOf(first) : ""],
    ];
  });
  const by = areTimed ? headings.length - 2 : 1;
  rows.sort((a, b) => (b[by]?.[1] ?? 0) - (a[by]?.[1] ?? 0) || (b[1]?.[1] ?? 0) - (a[1]?.[1] ?? 0));
  return tableOf(`vms${id}`, `${title}VMs`, plain(headings), rows, by);
}

type Value = (part: Part) => number;

const countOf: Value = ({ count }) => count;
const timeOf: Value = ({ totalNs }) => totalNs;

/** What is drawn of reasons over time, alike for all runs of a page. */
export interface Palette {
  /** In the order of their colours: those of most time, or most exits. */
  readonly keys: readonly number[];
  readonly names: ReadonlyMap<number, string>;
  /** The highest sums in a second of any column. */
  readonly highest: { readonly rates: number; readonly costs: number };
  /** The rows and the darkest shade of heat maps. */
  readonly heat: HeatScale;
}

const isAwake = ({ isa, reason }: Pick<Sample, "isa" | "reason">) => !isIdle(isa, reason);

function highestOf(timelines: readonly Timeline[], of: Value, keys: ReadonlySet<number>): number {
  const sums = timelines.flatMap(({ moments }) =>
    moments.map(({ parts, durationNs }) => {
      let sum = 0;
      for (const [key, part] of parts) if (keys.has(key)) sum += of(part);
      return durationNs > 0 ? (sum * 1e9) / durationNs : 0;
    }),
  );
  return Math.max(0, ...sums);
}

/** The palette of runs. @param timed whether reasons are in the order of their times */
export function paletteOf(runs: readonly Run[], timed: boolean): Palette {
  const timelines = runs.map(({ exits }) => exits.timeline);
  const of = timed ? timeOf : countOf;
  const sums = new Map<number, number>();
  const reasons = new Map(timelines.flatMap((timeline) => [...timeline.reasons]));
  for (const { moments } of timelines)
    for (const { parts } of moments)
      for (const [key, part] of parts) sums.set(key, (sums.get(key) ?? 0) + of(part));
  const awake = new Set([...reasons].filter(([, reason]) => isAwake(reason)).map(([key]) => key));
  // Idle ones last: their time is sleep.
  const place = (key: number) => Number(!awake.has(key));
  const keys = [...sums].sort(([a, x], [b, y]) => place(a) - place(b) || y - x).map(([key]) => key);
  return {
    keys,
    names: new Map([...reasons].map(([key, reason]) => [key, nameOf(reason)])),
    highest: {
      rates: highestOf(timelines, countOf, new Set(keys)),
      costs: highestOf(timelines, timeOf, awake),
    },
    heat: heatScaleOf(timelines.flatMap(({ moments }) => moments)),
  };
}

/** What is drawn of each reason in a second; where there are too many, the last are one. */
function seriesOf(
  { exits: { timeline } }: Run,
  { keys, names }: Palette,
  wanted: (key: number) => boolean,
  of: Value,
): Series[] {
  const { moments } = timeline;
  const valueAt = ({ parts, durationNs }: Moment, chosen: readonly number[]) => {
    const value = chosen.reduce(
      (sum, key) => (wanted(key) ? sum + of(parts.get(key) ?? { count: 0, totalNs: 0 }) : sum),
      0,
    );
    return durationNs > 0 ? (value * 1e9) / durationNs : 0;
  };
  const own = keys.length > COLOURS.length ? COLOURS.length - 1 : keys.length;
  const series = keys.slice(0, own).map((key, colour): Series => ({
    name: names.get(key) ?? "",
    colour,
    values: moments.map((moment) => valueAt(moment, [key])),
  }));
  const rest = keys.slice(own);
  if (rest.length > 0)
    series.push({
      name: `${rest.length} others`,
      colour: own,
      values: moments.map((moment) => valueAt(moment, rest)),
    });
  return series.filter(({ values }) => values.some((value) => value > 0));
}

const figure = (value: number) =>
  value === 0 ? "0" : value >= 1000 ? `${(value / 1000).toFixed(1)}k` : value.toPrecision(3);

/** Sections of exits. @param timed whether they have handling times */
export function exitSections(run: Run, timed: boolean, palette: Palette, place = ALONE): Drawn {
  const { timeline } = run.exits;
  const { moments, reasons } = timeline;
  const times = timesOf(timeline);
  const { rates: highest, costs: costliest } = palette.highest;
  const awake = (key: number) => isAwake(reasons.get(key) ?? { isa: "", reason: 0 });
  const rates = seriesOf(run, palette, () => true, countOf);
  const costs = timed ? seriesOf(run, palette, awake, timeOf) : [];
  const { id, title } = place;
  const listing = { samples: reasonsOf(run), durationNs: run.exits.time.durationNs };
  const heatTitle = `${title}Handling times over time, without idle exits`;
  const isFiled = heatScaleOf(moments).most > 0;
  const costTitle = `${title}Handling time in a second by reason, of all vCPUs, without idle exits`;
  return {
    sections: [
      chartSection(`rates${id}`, `${title}Exits per second by reason`, rates, timeline, figure, highest),
      ...(timed
        ? [
            chartSection(`costs${id}`, costTitle, costs, timeline, readable, costliest),
            `<section><h2>${escaped(heatTitle)}</h2>${isFiled ? hintOf(timeline) : ""}${heatMap(`heat${id}`, heatTitle, moments, times, palette.heat)}</section>`,
          ]
        : ["", ""]),
      reasonTable({ ...listing, id: `reasons${id}`, title: `${title}Reasons` }),
      detailTable({ ...listing, id: `details${id}`, title: `${title}Details` }),
      vmTable(run, place),
    ],
    charts: {
      [`rates${id}`]: wordsOf(rates, times, figure),
      ...(timed
        ? {
            [`costs${id}`]: wordsOf(costs, times, readable),
            [`heat${id}`]: { times, names: [], words: heatWords(moments) },
          }
        : {}),
    },
  };
}

/** Sections of exits to the VMM, whose times are the VMM's. */
export function vmmSections({ ofVmm }: Run, { id, title } = ALONE): Drawn {
  const listing = { samples: reasonsOf(ofVmm), durationNs: ofVmm.exits.time.durationNs };
  return {
    sections: [
      reasonTable({
        ...listing,
        id: `vmm${id}`,
        title: `${title}Exits to the VMM, with the time that it had`,
      }),
      detailTable({
        ...listing,
        id: `vmm-details${id}`,
        title: `${title}What exits to the VMM were about`,
      }),
    ],
    charts: {},
  };
}
