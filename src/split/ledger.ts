// SPDX-License-Identifier: MIT
// Adds up the snapshots of a session: the clocks of vCPUs that ended stay although their accounts are gone.
import { ACTIVITIES } from "../contract";
import { longestAfter, mergePeaks, withPeak } from "../measure/peaks";
import { OTHERS, type Roster } from "../measure/roster";
import { addToBucket } from "../measure/samples";
import type { SplitSnapshot } from "../native/split";
import { type Clock, MAXIMA, type Maximum, addClocks, makeClock } from "./clock";
import type { Cumulative, Peaks, SplitReading } from "./reading";

/** The clocks of a snapshot by row; their maxima are since the snapshot before. */
function clocksOf({ vcpus, clocks, waits }: SplitSnapshot): Clock[] {
  const buckets = Array.from(vcpus.tgid, (): number[] => []);
  for (let i = 0; i < waits.vcpu.length; i++)
    addToBucket(buckets[waits.vcpu[i] ?? 0] ?? [], waits.bucket[i] ?? 0, waits.count[i] ?? 0);
  return buckets.map((waits, row) =>
    makeClock(
      (_, index) => clocks.ns[row * ACTIVITIES.length + index] ?? 0,
      (count) => clocks[count][row] ?? 0,
      (maximum) => clocks[maximum][row] ?? 0,
      waits,
    ),
  );
}

/** Adds to a map's clock of that key. */
function addTo(clocks: Map<string, Clock>, key: string, clock: Clock): void {
  const before = clocks.get(key);
  clocks.set(key, before ? addClocks(before, clock) : clock);
}

/** Clocks of all vCPUs. */
export class ClockLedger {
  readonly #roster: Roster;
  readonly #keepEnded: number;
  #live = new Map<string, Clock>();
  // Of ended vCPUs, the one that ended first in front.
  readonly #ended = new Map<string, Clock>();
  readonly #peaks = new Map<string, Peaks>();
  #readings = 0;

  /** @param keepEnded how many vCPUs that ended are told apart; those that ended before are added up */
  constructor(roster: Roster, keepEnded: number) {
    this.#roster = roster;
    this.#keepEnded = keepEnded;
  }

  /** Takes every snapshot of the session, in order. */
  update(snapshot: SplitSnapshot): void {
    const { vcpus } = snapshot;
    this.#live = new Map();
    for (const [row, clock] of clocksOf(snapshot).entries()) {
      const key = this.#roster.keyOf(vcpus, row);
      if (key === undefined) continue;
      this.#notePeaks(key, clock);
      addTo(vcpus.ended[row] === 1 ? this.#ended : this.#live, key, clock);
    }
  }

  /** All clocks up to the latest snapshot. */
  read(): Pick<SplitReading, "number" | "vcpus" | "clocks"> {
    this.#fold();
    const sums = new Map(this.#ended);
    for (const [key, clock] of this.#live) addTo(sums, key, clock);
    const clocks = new Map(
      [...sums].map(([key, clock]): [string, Cumulative] => {
        const peaks = this.#peaks.get(key) ?? {};
        const maxima = Object.fromEntries(
          MAXIMA.map((maximum) => [maximum, longestAfter(peaks[maximum], -1)]),
        ) as Record<Maximum, number>;
        return [key, { ...clock, maxima, peaks }];
      }),
    );
    const vcpus = new Map(Array.from(clocks.keys(), (key) => [key, this.#roster.identity(key)]));
    return { number: ++this.#readings, vcpus, clocks };
  }

  #notePeaks(key: string, { maxima }: Clock): void {
    const before = this.#peaks.get(key) ?? {};
    const peaks: Partial<Record<Maximum, ReturnType<typeof withPeak>>> = { ...before };
    for (const maximum of MAXIMA)
      if (maxima[maximum] > 0)
        peaks[maximum] = withPeak(before[maximum], maxima[maximum], this.#readings + 1);
    this.#peaks.set(key, peaks);
  }

  /** Adds up what ended first until only so many that ended are told apart. */
  #fold(): void {
    for (const [key, clock] of this.#ended) {
      if (this.#ended.size <= this.#keepEnded) return;
      if (key === OTHERS || this.#live.has(key)) continue;
      const [peaks, others] = [this.#peaks.get(key), this.#peaks.get(OTHERS)];
      const merged: Partial<Record<Maximum, ReturnType<typeof withPeak>>> = {};
      for (const maximum of MAXIMA) {
        const peak = mergePeaks(peaks?.[maximum], others?.[maximum]);
        if (peak) merged[maximum] = peak;
      }
      this.#peaks.set(OTHERS, merged);
      this.#peaks.delete(key);
      this.#ended.delete(key);
      this.#roster.forget(key);
      addTo(this.#ended, OTHERS, clock);
    }
  }
}
