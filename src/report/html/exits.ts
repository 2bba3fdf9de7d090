// SPDX-License-Identifier: MIT
// What a page shows of exits: reasons over time, handling times, tables of reasons and VMs.
import { detailRows } from "../../measure/details";
import { groupSamples } from "../../measure/grouping";
import { percentileOf } from "../../measure/histogram";
import { type Sample, type Samples, add, average, sumOf, total, zero } from "../../measure/samples";
import { isIdle, reasonLabel, reasonName } from "../../reasons";
import { titleOf } from "../../render/names";
import { readable } from "../../render/units";
import { reasonsOf } from "../compare";
import type { Run } from "../run";
import { escaped } from "../junit";
import type { Moment, Part, Timeline } from "../timeline";
import { type Series, heatMap, heatWords } from "./charts";
import { type Drawn, chartSection, timesOf, wordsOf } from "./chart-section";
import { COLOURS } from "./style";
import { type Cell, number, plain, tableOf, time } from "./table";

const nameOf = ({ isa, reason }: Pick<Sample, "isa" | "reason">) =>
  reasonName(isa, reason) ?? reasonLabel(reason);

/** Which of a page's runs is drawn: its part of ids, and what its titles begin with. */
export interface Place {
  readonly id: string;
  readonly title: string;
}

/** Of a page with one run. */
export const ALONE: Place = { id: "", title: "" };

function reasonTable(id: string, title: string, samples: Samples): string {
  const all = total(sumOf(samples)).totalNs;
  const rows = [...samples.values()]
    .sort((a, b) => total(b).totalNs - total(a).totalNs || total(b).count - total(a).count)
    .map((sample): Cell[] => {
      const counters = total(sample);
      return [
        [nameOf(sample)],
        number(counters.count),
        time(counters.timed > 0 ? average(counters) : undefined),
        time(percentileOf(counters, 0.5)),
        time(percentileOf(counters, 0.99)),
        time(percentileOf(counters, 0.999)),
        time(counters.timed > 0 ? counters.maxNs : undefined),
        number(all > 0 ? (100 * counters.totalNs) / all : 0, 2),
      ];
    });
  return tableOf(
    id,
    title,
    plain(["Reason", "Exits", "Average", "P50", "P99", "P99.9", "Longest", "Time %"]),
    rows,
    7,
  );
}

/** Details that took most time, or came most often; "" where none are told. */
function detailTable(id: string, title: string, samples: Samples): string {
  const all = total(sumOf(samples)).totalNs;
  const rows = [...samples.values()].flatMap(detailRows).map(({ text, sample }): Cell[] => {
    const counters = total(sample);
    return [
      [`${nameOf(sample)}: ${text}`],
      number(counters.count),
      time(counters.timed > 0 ? average(counters) : undefined),
      time(percentileOf(counters, 0.99)),
      time(counters.timed > 0 ? counters.maxNs : undefined),
      number(all > 0 ? (100 * counters.totalNs) / all : 0, 2),
    ];
  });
  rows.sort((a, b) => (b[5]?.[1] ?? 0) - (a[5]?.[1] ?? 0) || (b[1]?.[1] ?? 0) - (a[1]?.[1] ?? 0));
  if (rows.length === 0) return "";
  const headings = ["What exits were about", "Exits", "Average", "P99", "Longest", "Time %"];
  return tableOf(id, title, plain(headings), rows, 5);
}

function vmTable({ exits: { reading } }: Run, { id, title }: Place): string {
  const seconds = reading.durationNs / 1e9 || 1;
  const rows = groupSamples(reading, "vm")
    .filter(([{ vm }]) => vm !== undefined)
    .map(([identity, samples]): Cell[] => {
      const sum = zero();
      const awake = [...samples.values()].filter(({ isa, reason }) => !isIdle(isa, reason));
      for (const sample of awake) add(sum, total(sample));
      const [first] = awake.sort(
        (a, b) => total(b).totalNs - total(a).totalNs || total(b).count - total(a).count,
      );
      return [
        [titleOf(identity)],
        number(sum.count / seconds, 1),
        time(sum.timed > 0 ? average(sum) : undefined),
        time(percentileOf(sum, 0.99)),
        time(sum.totalNs / seconds),
        [first ? nameOf(first) : ""],
      ];
    })
    .sort((a, b) => (b[4]?.[1] ?? 0) - (a[4]?.[1] ?? 0) || (b[1]?.[1] ?? 0) - (a[1]?.[1] ?? 0));
  if (rows.length === 0) return "";
  const headings = ["VM, without idle exits", "Exits/s", "Average", "P99", "Handling time/s", "Most time"];
  return tableOf(`vms${id}`, `${title}VMs`, plain(headings), rows, 4);
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

const figure = (value: number) => (value >= 1000 ? `${(value / 1000).toFixed(1)}k` : value.toPrecision(3));

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
  const costTitle = `${title}Handling time in a second by reason, of all vCPUs, without idle exits`;
  return {
    sections: [
      chartSection(`rates${id}`, `${title}Exits per second by reason`, rates, timeline, figure, highest),
      ...(timed
        ? [
            chartSection(`costs${id}`, costTitle, costs, timeline, readable, costliest),
            `<section><h2>${escaped(title)}Handling times over time, without idle exits</h2>${heatMap(`heat${id}`, moments, times)}</section>`,
          ]
        : []),
      reasonTable(`reasons${id}`, `${title}Reasons`, reasonsOf(run)),
      detailTable(`details${id}`, `${title}Details`, reasonsOf(run)),
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
  const samples = reasonsOf(ofVmm);
  return {
    sections: [
      reasonTable(`vmm${id}`, `${title}Exits to the VMM, with the time that it had`, samples),
      detailTable(`vmm-details${id}`, `${title}What exits to the VMM were about`, samples),
    ],
    charts: {},
  };
}
