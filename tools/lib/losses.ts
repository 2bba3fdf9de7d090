// SPDX-License-Identifier: MIT
// What couldn't be counted, told while a run goes on.

const AGAIN_MS = 60_000;

/** Tells losses when they happen, and more of them once a minute at most. */
export class LossReport {
  readonly #losses: () => readonly string[];
  readonly #say: (line: string) => void;
  #told = new Set<string>();
  #next = -Infinity;

  /** @param losses all losses up to now, one line for each kind; a line that is another has not been told */
  constructor(losses: () => readonly string[], say: (line: string) => void) {
    this.#losses = losses;
    this.#say = say;
  }

  /** Tells what is new, unless something was told less than a minute ago. @param now ms on a clock that never goes back */
  tell(now: number): void {
    if (now >= this.#next && this.tellAll()) this.#next = now + AGAIN_MS;
  }

  /** Tells what is new. Returns whether there was something. */
  tellAll(): boolean {
    const losses = this.#losses();
    const fresh = losses.filter((line) => !this.#told.has(line));
    for (const line of fresh) this.#say(line);
    this.#told = new Set(losses);
    return fresh.length > 0;
  }
}
