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
import type { Moment, Part } from "../timeline";
import { type Series, heatMap, heatWords } from "./charts";
import { type Drawn, chartSection, timesOf, wordsOf } from "./chart-section";
import { COLOURS } from "./style";
import { type Cell, number, tableOf, time } from "./table";

const nameOf = ({ isa, reason }: Pick<Sample, "isa" | "reason">) =>
  reasonName(isa, reason) ?? reasonLabel(reason);

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
    ["Reason", "Exits", "Average", "P50", "P99", "P99.9", "Longest", "Time %"],
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
  return tableOf(id, title, headings, rows, 5);
}

function vmTable({ exits: { reading } }: Run): string {
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
  return tableOf("vms", "VMs", headings, rows, 4);
}

type Value = (part: Part) => number;

const countOf: Value = ({ count }) => count;
const timeOf: Value = ({ totalNs }) => totalNs;

/** The reasons of all charts, in one order so that each has one colour: those of most time, or most exits. */
function drawnKeys(
  {
    exits: {
      timeline: { moments },
    },
  }: Run,
  of: Value,
): number[] {
  const sums = new Map<number, number>();
  for (const { parts } of moments)
    for (const [key, part] of parts) sums.set(key, (sums.get(key) ?? 0) + of(part));
  return [...sums].sort(([, a], [, b]) => b - a).map(([key]) => key);
}

/** What is drawn of each reason in a second; where there are too many, the last are one. */
function seriesOf({ exits: { timeline } }: Run, keys: readonly number[], of: Value): Series[] {
  const { moments, reasons } = timeline;
  const valueAt = ({ parts, durationNs }: Moment, chosen: readonly number[]) => {
    const value = chosen.reduce((sum, key) => sum + of(parts.get(key) ?? { count: 0, totalNs: 0 }), 0);
    return durationNs > 0 ? (value * 1e9) / durationNs : 0;
  };
  const own = keys.length > COLOURS.length ? COLOURS.length - 1 : keys.length;
  const series = keys.slice(0, own).map((key): Series => {
    const reason = reasons.get(key);
    return { name: reason ? nameOf(reason) : "", values: moments.map((moment) => valueAt(moment, [key])) };
  });
  const rest = keys.slice(own);
  if (rest.length > 0)
    series.push({ name: `${rest.length} others`, values: moments.map((moment) => valueAt(moment, rest)) });
  return series;
}

const figure = (value: number) => (value >= 1000 ? `${(value / 1000).toFixed(1)}k` : value.toPrecision(3));

/** Sections of exits. @param timed whether they have handling times */
export function exitSections(run: Run, timed: boolean): Drawn {
  const { timeline } = run.exits;
  const { moments } = timeline;
  const times = timesOf(timeline);
  const keys = drawnKeys(run, timed ? timeOf : countOf);
  const rates = seriesOf(run, keys, countOf);
  const costs = timed ? seriesOf(run, keys, timeOf) : [];
  const title = "Handling time in a second by reason, of all vCPUs";
  return {
    sections: [
      chartSection("rates", "Exits per second by reason", rates, timeline, figure),
      ...(timed
        ? [
            chartSection("costs", title, costs, timeline, readable),
            `<section><h2>Handling times over time, without idle exits</h2>${heatMap("heat", moments, times)}</section>`,
          ]
        : []),
      reasonTable("reasons", "Reasons", reasonsOf(run)),
      detailTable("details", "Details", reasonsOf(run)),
      vmTable(run),
    ],
    charts: {
      rates: { times, words: wordsOf(rates, moments.length, figure) },
      ...(timed
        ? {
            costs: { times, words: wordsOf(costs, moments.length, readable) },
            heat: { times, words: heatWords(moments) },
          }
        : {}),
    },
  };
}

/** Sections of exits to the VMM, whose times are the VMM's. */
export function vmmSections({ ofVmm }: Run): Drawn {
  const samples = reasonsOf(ofVmm);
  return {
    sections: [
      reasonTable("vmm", "Exits to the VMM, with the time that it had", samples),
      detailTable("vmm-details", "What exits to the VMM were about", samples),
    ],
    charts: {},
  };
}
