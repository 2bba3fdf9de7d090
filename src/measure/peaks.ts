// SPDX-License-Identifier: MIT
// The longest handling time since any earlier reading of a session, of counters whose maximum the kernel tells once.

/** Maxima that nothing later exceeds, the latest first: each one further down is longer, and older. Never changed. */
export interface Peak {
  readonly ns: number;
  /** Number of the reading that told it first. */
  readonly reading: number;
  readonly below: Peak | undefined;
  /** How many there are, with those below. */
  readonly depth: number;
}

// Times in no order leave some ln(readings) of them. Ever shorter ones would leave each: from here on two neighbours
// become one, and what began between the two is given the longer.
const MAX_DEPTH = 64;

/** Two neighbours as one. */
function joined({ reading, below, depth, ns }: Peak): Peak {
  return { reading, ns: below?.ns ?? ns, below: below?.below, depth: depth - 1 };
}

/** Adds a maximum that the reading of that number tells, the latest one so far. */
export function withPeak(peak: Peak | undefined, ns: number, reading: number): Peak {
  let below = peak;
  while (below && below.ns <= ns) below = below.below;
  if (below?.reading === reading) return below;
  if (below && below.depth >= MAX_DEPTH) below = joined(below);
  return { ns, reading, below, depth: (below?.depth ?? 0) + 1 };
}

/** The longest time that readings after that number told; 0 if there is none. */
export function longestAfter(peak: Peak | undefined, reading: number): number {
  let ns = 0;
  for (let each = peak; each && each.reading > reading; each = each.below) ns = each.ns;
  return ns;
}

/** The maxima of both. */
export function mergePeaks(a: Peak | undefined, b: Peak | undefined): Peak | undefined {
  const all: Peak[] = [];
  for (const peak of [a, b]) for (let each = peak; each; each = each.below) all.push(each);
  all.sort((first, second) => first.reading - second.reading);
  return all.reduce<Peak | undefined>((merged, { ns, reading }) => withPeak(merged, ns, reading), undefined);
}
