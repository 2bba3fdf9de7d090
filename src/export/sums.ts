// SPDX-License-Identifier: MIT
// Sums of exits, or of returns to the VMM, by reason, that only grow: of a VM, of several together, or of the host.
import { isaName, reasonLabel, reasonName, reasonNumber } from "../reasons";
import { BUCKET_COUNT } from "./bounds";
import { type Label, Labels } from "./family";

/** Which exits a row adds up: instruction set, the kernel's 32 bits and level, in one number. */
export type RowKey = number;

/** @param level 1 or 2 */
export function rowKey(isa: number, raw: number, level: number): RowKey {
  return (isa * 2 ** 32 + raw) * 2 + (level === 2 ? 1 : 0);
}

/** The row of exits for whose reason there is no row left. */
export const ANY_REASON: RowKey = -1;

/** Counters, and how long exits took. */
export class Sums {
  exits = 0;
  timed = 0;
  ns = 0;
  /** Of bounds.ts; none where no histogram is kept. */
  readonly buckets: Float64Array | undefined;

  constructor(histogram: boolean) {
    this.buckets = histogram ? new Float64Array(BUCKET_COUNT) : undefined;
  }

  set(other: Sums): void {
    this.exits = other.exits;
    this.timed = other.timed;
    this.ns = other.ns;
    if (other.buckets) this.buckets?.set(other.buckets);
  }
}

/** What rows have as labels of their own, in this order. */
export type RowLabel = "isa" | "reason" | "level";

/** The isa, the reason's name and the level of a key. */
export function wordsOf(key: RowKey): Record<RowLabel, string> {
  if (key === ANY_REASON) return { isa: "other", reason: "other", level: "other" };
  const level = key % 2;
  const whole = (key - level) / 2;
  const isa = isaName(Math.floor(whole / 2 ** 32));
  const number = reasonNumber(isa, whole % 2 ** 32);
  return { isa, reason: reasonName(isa, number) ?? reasonLabel(number), level: `L${level + 1}` };
}

/** Sums of one reason and level. */
export class Row {
  readonly labels: Labels;
  /** Of vCPUs that ended, which no later snapshot has. */
  readonly kept: Sums;
  /** Of all. */
  readonly all: Sums;

  constructor(labels: Labels, histogram: boolean) {
    this.labels = labels;
    this.kept = new Sums(histogram);
    this.all = new Sums(histogram);
  }
}

/** How many series there may be, which all rows share. */
export class Pool {
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  /** Takes room for so many series; false if there isn't that much. */
  take(series: number): boolean {
    if (series > this.#free) return false;
    this.#free -= series;
    return true;
  }

  give(series: number): void {
    this.#free += series;
  }
}

/** How rows get their room. */
export interface RowOptions {
  /** Labels of all rows, in front of their own. */
  readonly labels: readonly Label[];
  readonly own: readonly RowLabel[];
  readonly histogram: boolean;
  readonly pool: Pool;
  /** How many series a row has. */
  readonly series: number;
  /** For how many rows there is room already. */
  readonly room: number;
  /** Where exits go that find no room; undefined: into one row for all of them. */
  readonly spill?: Rows;
}

/** Rows of one owner. */
export class Rows {
  readonly #rows = new Map<RowKey, Row>();
  readonly #options: RowOptions;
  #room: number;

  constructor(options: RowOptions) {
    this.#options = options;
    this.#room = options.room;
  }

  /** The row of a key, made if there is room for it, else the one in its place. @param since as of Labels */
  at(key: RowKey, since: number): Row {
    const found = this.#rows.get(key);
    if (found) return found;
    const { spill } = this.#options;
    if (this.#hasRoom()) return this.#add(key, since);
    if (spill) return spill.at(key, since);
    return this.#rows.get(ANY_REASON) ?? this.#add(ANY_REASON, since);
  }

  /** Gives the room back. */
  release(): void {
    this.#options.pool.give(this.#room * this.#options.series);
  }

  values(): Iterable<Row> {
    return this.#rows.values();
  }

  #hasRoom(): boolean {
    const { pool, series, spill } = this.#options;
    // The last place of rows that spill nowhere is for what finds none.
    if (this.#rows.size < this.#room - (spill ? 0 : 1)) return true;
    if (!pool.take(series)) return false;
    this.#room++;
    return true;
  }

  #add(key: RowKey, since: number): Row {
    const { labels, own, histogram } = this.#options;
    const words = wordsOf(key);
    const pairs = [...labels, ...own.map((name): Label => [name, words[name]])];
    const row = new Row(new Labels(pairs, since), histogram);
    this.#rows.set(key, row);
    return row;
  }
}
