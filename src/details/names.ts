// SPDX-License-Identifier: MIT
// Names of numbers that come singly and in runs, such as MSRs and ports.

/** A run of numbers: the first and the last, and the name, if any, of the one that is `index` after the first. */
export type Run = readonly [first: number, last: number, name: (index: number) => string | undefined];

/** A table of names: single numbers, and runs for those that have none of their own. */
export interface Names {
  readonly single: ReadonlyMap<number, string>;
  readonly runs: readonly Run[];
}

/** The table of lines such as `0x10 IA32_TIME_STAMP_COUNTER`. */
export function namesOf(lines: string, runs: readonly Run[] = []): Names {
  const single = new Map<number, string>();
  for (const line of lines.trim().split("\n")) {
    const [number = "", ...name] = line.trim().split(" ");
    single.set(Number(number), name.join(" "));
  }
  return { single, runs };
}

/** What `number` is called; undefined if it has no name. */
export function nameOf({ single, runs }: Names, number: number): string | undefined {
  const name = single.get(number);
  if (name !== undefined) return name;
  const run = runs.find(([first, last]) => first <= number && number <= last);
  return run?.[2](number - run[0]);
}

/** A run of registers called `name` and their index, in decimal digits. */
export function indexed(first: number, count: number, name: string): Run {
  return [first, first + count - 1, (index) => `${name}${index}`];
}
