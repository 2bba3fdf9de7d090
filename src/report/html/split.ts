// SPDX-License-Identifier: MIT
// What a page shows of how vCPUs' time was split: over time, and of each vCPU or VM.
import { percentileOf } from "../../measure/histogram";
import { titleOf } from "../../render/names";
import { PARTS, type Part, elapsedNs, partNs } from "../../split/clock";
import type { Run } from "../run";
import { type Drawn, chartSection, timesOf, wordsOf } from "./chart-section";
import type { Series } from "./charts";
import { ALONE } from "./exits";
import { type Cell, number, plain, tableOf, time } from "./table";

const NAMES: Readonly<Record<Part, string>> = {
  guest: "guest",
  kvm: "KVM",
  vmm: "VMM",
  poll: "halt polling",
  idle: "idle",
  waiting: "waiting for a CPU",
};

/** Grey for what is nothing, red for what shouldn't be; the others by their place. */
const COLOUR: Readonly<Partial<Record<Part, { colour: number }>>> = {
  idle: { colour: 9 },
  waiting: { colour: 4 },
};
const FULL = 100;

const percent = (value: number) => `${value.toFixed(1)} %`;

/** Sections of the split. */
export function splitSections({ split }: Run, { id, title } = ALONE): Drawn {
  const {
    timeline,
    time: { durationNs },
  } = split;
  const { moments } = timeline;
  const series = PARTS.map((part, at): Series => {
    const values = moments.map(({ parts }) => {
      const all = [...parts.values()].reduce((sum, { totalNs }) => sum + totalNs, 0);
      return all > 0 ? (100 * (parts.get(at)?.totalNs ?? 0)) / all : 0;
    });
    return { name: NAMES[part], values, ...COLOUR[part] };
  });
  const rows = split.groups("vcpu").map((group): Cell[] => {
    const { clock } = group;
    const [all, { waits, maxima }] = [elapsedNs(clock), clock];
    const share = (part: Part) => (all > 0 ? (100 * partNs(clock, part)) / all : 0);
    return [
      [titleOf(group) || "all"],
      ...PARTS.map((part) => number(share(part), 1)),
      number(durationNs > 0 ? (clock.counts.exits * 1e9) / durationNs : 0),
      time(percentileOf({ buckets: waits, maxNs: maxima.maxWaitNs }, 0.99)),
      time(maxima.maxWaitNs),
    ];
  });
  rows.sort((a, b) => (b[PARTS.length]?.[1] ?? 0) - (a[PARTS.length]?.[1] ?? 0));
  const headings = [
    "vCPU, % of its time",
    ...PARTS.map((part) => NAMES[part]),
    "Exits/s",
    "Wait P99",
    "Longest wait",
  ];
  return {
    sections: [
      chartSection(
        `split${id}`,
        `${title}Where the time of vCPUs went, in %`,
        series,
        timeline,
        percent,
        FULL,
      ),
      tableOf(`clocks${id}`, `${title}Time of vCPUs`, plain(headings), rows, PARTS.length),
    ],
    charts: { [`split${id}`]: wordsOf(series, timesOf(timeline), percent) },
  };
}
