// SPDX-License-Identifier: MIT
// A chart over time with its heading and key, and its values in words for the script.
import { timeStamp } from "../../local-time";
import { escaped } from "../junit";
import type { Timeline } from "../timeline";
import { type Series, keyOf, stacked } from "./charts";

/** What the script shows of a chart: of each column its time, and its values in words, each before the name at its place. */
export interface ChartWords {
  readonly times: readonly string[];
  readonly names: readonly string[];
  readonly words: readonly (readonly string[])[];
}

/** Sections of a page, and what the script needs for their charts, by their ids. */
export interface Drawn {
  readonly sections: readonly string[];
  readonly charts: Readonly<Record<string, ChartWords>>;
}

/** A longer time has dates at its axis. */
const LONG_MS = 20 * 3600e3;

/** The time at which each column begins: of day or, in a long run, with month and day. */
export function timesOf({ moments }: Timeline): string[] {
  const [first, last] = [moments[0], moments.at(-1)];
  const isLong = first && last && last.end.getTime() - first.start.getTime() > LONG_MS;
  return moments.map(({ start }) => (isLong ? timeStamp(start).slice(5, 16) : timeStamp(start).slice(11)));
}

/** What the script shows of a chart of series. */
export function wordsOf(
  series: readonly Series[],
  times: readonly string[],
  text: (value: number) => string,
): ChartWords {
  return {
    times,
    names: series.map(({ name }) => name),
    words: times.map((_, column) => series.map(({ values }) => text(values[column] ?? 0))),
  };
}

/** Where intervals cover less of a run's time than this, the axis says so. */
const MOST_OF = 0.95;

/** How values of a chart are seen, and what the axis of its timeline doesn't show by itself. */
export function hintOf({ moments, intervalsEach }: Timeline): string {
  const [first, last] = [moments[0], moments.at(-1)];
  const ms = first && last ? last.end.getTime() - first.start.getTime() : 0;
  const covered = moments.reduce((sum, { durationNs }) => sum + durationNs / 1e6, 0);
  const sentences = [
    "Values: pointer, or arrow keys on a chart.",
    ...(intervalsEach > 1 ? [`Each column is ${intervalsEach} intervals.`] : []),
    ...(covered < ms * MOST_OF ? ["Times without an interval are left out of the axis."] : []),
  ];
  return `<p class="hint">${sentences.join(" ")}</p>`;
}

/** A section with a stacked chart. @param text a value in words @param highest the end of the axis is there or above */
export function chartSection(
  id: string,
  title: string,
  series: readonly Series[],
  timeline: Timeline,
  text: (value: number) => string,
  highest?: number,
): string {
  const chart = stacked(id, `${title}, stacked`, series, timesOf(timeline), text, highest);
  return `<section><h2>${escaped(title)}</h2>${hintOf(timeline)}${keyOf(series)}${chart}</section>`;
}
