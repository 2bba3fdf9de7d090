// SPDX-License-Identifier: MIT
// A clock that is never set, for what an exporter remembers; and how far the host's, which it tells, was set back.

// Of a clock that is slewed, not set: beginnings that moved a little with each push would look like restarts.
const SLEWED_MS = 1000;

/** Where it begins it shows the host's time. */
export class SteadyClock {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  readonly #offset: number;
  #behindMs = 0;

  /** Both in ms: since 1970, which may be set, and since any moment, which may not. */
  constructor(wall: () => number, monotonic: () => number) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#offset = wall() - monotonic();
  }

  /** In ms since 1970, if the host's clock hasn't been set since this one began. */
  now(): number {
    return this.#monotonic() + this.#offset;
  }

  /**
   * The host's time, in ms since 1970, and how many ms what this clock showed is to be taken back so that it isn't after it.
   * Never less than before: a beginning that moves is a restart to who is told it.
   */
  told(): { readonly now: number; readonly behindMs: number } {
    const now = this.#wall();
    const behindMs = this.now() - now;
    if (behindMs > this.#behindMs + SLEWED_MS) this.#behindMs = behindMs;
    return { now, behindMs: this.#behindMs };
  }
}
