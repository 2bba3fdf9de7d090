// SPDX-License-Identifier: MIT
// How long vCPUs did what: sums that only grow, of a VM or of several together.
import { ACTIVITIES } from "../contract";
import type { SplitSnapshot } from "../native/split";
import { type Label, Labels } from "./family";

/** How many series the states of a VM are. */
export const STATE_COUNT = ACTIVITIES.length;

/** What an activity is called as a label: `guest_l2`. */
const stateName = (activity: string) => activity.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The time of some vCPUs in each state. */
export class States {
  /** Of each state, in the order of ACTIVITIES. */
  readonly labels: readonly Labels[];
  /** In ns, of vCPUs that ended. */
  readonly #kept = new Float64Array(STATE_COUNT);
  readonly #all = new Float64Array(STATE_COUNT);
  readonly #shown = new Float64Array(STATE_COUNT);

  /** @param since as of Labels */
  constructor(before: readonly Label[], since: number) {
    this.labels = ACTIVITIES.map(
      (activity) => new Labels([...before, ["state", stateName(activity)]], since),
    );
  }

  /** Adds a vCPU that ended: no later snapshot has it. */
  keep(clocks: SplitSnapshot["clocks"], row: number): void {
    addTo(this.#kept, clocks, row);
  }

  /** Whether no vCPU has been there. */
  get isEmpty(): boolean {
    return this.#all.every((ns) => ns === 0);
  }

  /** Begins with those that ended. */
  begin(): void {
    this.#all.set(this.#kept);
  }

  /** Adds a vCPU that lives. */
  add(clocks: SplitSnapshot["clocks"], row: number): void {
    addTo(this.#all, clocks, row);
  }

  /**
   * In ns, in the order of ACTIVITIES, no less than before. What is still on counts for what it looks like, and may turn
   * out to be something else when it ends: a halt was polled, a sleep was a wait. Such a state stays as it was shown
   * until it has caught up.
   */
  ns(): Float64Array {
    this.#all.forEach((ns, state) => {
      this.#shown[state] = Math.max(this.#shown[state] ?? 0, ns);
    });
    return this.#shown;
  }
}

function addTo(sums: Float64Array, { ns }: SplitSnapshot["clocks"], row: number): void {
  for (let state = 0; state < STATE_COUNT; state++)
    sums[state] = (sums[state] ?? 0) + (ns[row * STATE_COUNT + state] ?? 0);
}
