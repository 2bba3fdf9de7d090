// SPDX-License-Identifier: MIT
// The statistics that a run shows: all providers under one filter of fields and one of processes.
import type { Counts } from "./keys";
import { fieldFilter } from "./options";
import { readAll, type Provider } from "./provider";

export class Statistics {
  readonly #providers: readonly Provider[];
  #currentRegex: string;
  #currentPid: number;
  /**
   * @param regex what the providers' fields are filtered by, as a Python regular expression
   * @param pid the process that they count, 0 for all
   */
  constructor(providers: readonly Provider[], currentRegex: string, currentPid: number) {
    this.#providers = providers;
    this.#currentRegex = currentRegex;
    this.#currentPid = currentPid;
  }

  get regex(): string {
    return this.#currentRegex;
  }

  get pid(): number {
    return this.#currentPid;
  }

  /** Whether all that is counted can be told by guest. */
  get knowsGuests(): boolean {
    return this.#providers.every((provider) => provider.knowsGuests);
  }

  /** Keys that count nothing on this architecture, ever. */
  get impossible(): ReadonlySet<string> {
    return new Set(this.#providers.flatMap((provider) => [...provider.impossible]));
  }

  read(byGuest = false): Counts {
    return readAll(this.#providers, byGuest);
  }

  /** @throws InvalidRegex, UsageError as pythonMatch does, and then nothing changes */
  setRegex(regex: string): void {
    const filter = fieldFilter(regex);
    if (regex === this.#currentRegex) return;
    this.#currentRegex = regex;
    for (const provider of this.#providers) provider.setFilter(filter);
  }

  setPid(pid: number): void {
    if (pid === this.#currentPid) return;
    this.#currentPid = pid;
    for (const provider of this.#providers) provider.setPid(pid);
  }

  reset(): void {
    for (const provider of this.#providers) provider.reset();
  }

  losses(): string[] {
    return this.#providers.flatMap((provider) => provider.losses());
  }

  close(): void {
    for (const provider of this.#providers) provider.close();
  }
}
