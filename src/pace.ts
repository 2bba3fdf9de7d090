// SPDX-License-Identifier: MIT
// Long work in steps between which the event loop runs, so that signals and timers are heard.
import { setImmediate as immediate } from "node:timers/promises";

/** How long work goes on without a look at signals and timers, in ms. */
const MOST_MS = 25;

/** Tells when it is time to let the event loop run. */
export class Pace {
  #since = performance.now();

  /** Whether it is time to rest. */
  get due(): boolean {
    return performance.now() - this.#since > MOST_MS;
  }

  /** Lets the event loop run, if it is time. */
  async rest(): Promise<void> {
    if (!this.due) return;
    await immediate();
    this.#since = performance.now();
  }
}

/**
 * Does work whose every step takes a few ms at most, and rests between steps where it is time.
 * @returns what the work returns
 */
export async function inSteps<T>(work: Iterator<unknown, T>): Promise<T> {
  const pace = new Pace();
  for (let step = work.next(); ; step = work.next()) {
    if (step.done === true) return step.value;
    await pace.rest();
  }
}

/** The same work without a rest. */
export function atOnce<T>(work: Iterator<unknown, T>): T {
  for (let step = work.next(); ; step = work.next()) if (step.done === true) return step.value;
}
