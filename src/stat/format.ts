// SPDX-License-Identifier: MIT
// The lines of kvm_stat's batch, log and CSV outputs, byte for byte.
import { byCodePoint } from "../measure/order";
import { labelOf, type Counts } from "./keys";

/** Batch: one line for each key, with its total and the count of the last second. */
export function batchLines(counts: Counts): string[] {
  return [...counts]
    .sort(([a], [b]) => byCodePoint(a, b))
    .map(([key, { value, delta }]) => {
      return labelOf(key).padEnd(42) + String(value).padStart(10) + String(delta).padStart(10);
    });
}

/** How a log writes its banner of names, and one line of counts since the line before. */
export interface LogFormat {
  banner(keys: readonly string[]): string;
  /** @param time as timeStamp() writes it */
  line(keys: readonly string[], counts: Counts, time: string): string;
}

/** What a key that isn't counted has is `none`: it is no 0. */
function deltas(keys: readonly string[], counts: Counts, none: string): string[] {
  return keys.map((key) => String(counts.get(key)?.delta ?? none));
}

export const plainLog: LogFormat = {
  banner: (keys) => keys.map((key) => `${labelOf(key)} `).join(""),
  line: (keys, counts, time) =>
    time +
    deltas(keys, counts, "-")
      .map((delta) => ` ${delta.padStart(9)}`)
      .join(""),
};

export const csvLog: LogFormat = {
  banner: (keys) => ["timestamp", ...keys.map(labelOf)].join(","),
  line: (keys, counts, time) => [time, ...deltas(keys, counts, "")].join(","),
};

/** `-f help`: the names of all events, of the reasons their parents' only. */
export function helpLines(keys: Iterable<string>): string[] {
  const names = new Set(Array.from(keys, (key) => key.split("(", 1)[0] ?? key));
  return [...names].sort(byCodePoint).map((name) => `  ${name}`);
}
