// SPDX-License-Identifier: MIT
// A chart over time with its heading and key, and its values in words for the script.
import { timeStamp } from "../../local-time";
import { escaped } from "../junit";
import type { Timeline } from "../timeline";
import { type Series, keyOf, stacked } from "./charts";

/** What the script shows of a chart: of each column its time, and its values in words. */
export interface ChartWords {
  readonly times: readonly string[];
  readonly words: readonly (readonly string[])[];
}

/** Sections of a page, and what the script needs for their charts, by their ids. */
export interface Drawn {
  readonly sections: readonly string[];
  readonly charts: Readonly<Record<string, ChartWords>>;
}

/** The time of day at which each column begins. */
export function timesOf({ moments }: Timeline): string[] {
  return moments.map(({ start }) => timeStamp(start).slice(11));
}

/** The values of each column. */
export function wordsOf(
  series: readonly Series[],
  columns: number,
  text: (value: number) => string,
): string[][] {
  return Array.from({ length: columns }, (_, column) =>
    series.map(({ name, values }) => `${text(values[column] ?? 0)} ${name}`),
  );
}

/** A section with a stacked chart. @param text a value in words @param full the end of the axis, if it is known */
export function chartSection(
  id: string,
  title: string,
  series: readonly Series[],
  timeline: Timeline,
  text: (value: number) => string,
  full?: number,
): string {
  const each = timeline.intervalsEach > 1 ? ` Each column is ${timeline.intervalsEach} intervals.` : "";
  const chart = stacked(id, `${title}, stacked`, series, timesOf(timeline), text, full);
  return `<section><h2>${escaped(title)}</h2><p class="hint">Values: pointer, or arrow keys on a chart.${each}</p>${keyOf(series)}${chart}</section>`;
}
