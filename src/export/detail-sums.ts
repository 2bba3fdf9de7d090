// SPDX-License-Identifier: MIT
// Sums of exits by what they were about, that only grow: of a VM, or of several together.
import { isaName, reasonNumber } from "../reasons";
import { type Label, Labels } from "./family";
import { rowKey, wordsOf } from "./sums";

/** As src/export/detail-words.ts has it. */
export type DetailWords = (isa: string, reason: number, raw: bigint) => string | undefined;

// Of one VM. The kernel tells some hundreds apart of each vCPU, and vCPUs of a VM mostly do the same.
const MAX_ROWS = 2048;

interface DetailSums {
  exits: number;
  /** Of those that have a handling time. */
  ns: number;
}

/** Exits of a reason that were about the same. */
export interface DetailRow {
  readonly labels: Labels;
  /** Of vCPUs that ended. */
  readonly kept: DetailSums;
  readonly all: DetailSums;
}

/** The details of one owner. */
export class Details {
  readonly #before: readonly Label[];
  readonly #words: DetailWords;
  /** By instruction set, reason and detail. What isn't exported takes no place: addresses would fill it. */
  readonly #rows = new Map<string, DetailRow>();
  /** By their labels: details that differ in what isn't told have one row. */
  readonly #told = new Map<string, DetailRow>();

  /** @param before labels in front of their own */
  constructor(before: readonly Label[], words: DetailWords) {
    this.#before = before;
    this.#words = words;
  }

  /** The row of a detail; undefined if it isn't exported, or there is no room for it. @param since as of Labels */
  at(isa: number, raw: number, detail: bigint, since: number): DetailRow | undefined {
    const key = `${isa} ${raw} ${detail}`;
    const found = this.#rows.get(key);
    if (found || this.#rows.size >= MAX_ROWS) return found;
    const name = isaName(isa);
    const text = this.#words(name, reasonNumber(name, raw), detail);
    if (text === undefined) return undefined;
    const { reason } = wordsOf(rowKey(isa, raw, 1));
    const pairs: Label[] = [...this.#before, ["isa", name], ["reason", reason], ["detail", text]];
    const labels = new Labels(pairs, since);
    const row = this.#told.get(labels.text) ?? {
      labels,
      kept: { exits: 0, ns: 0 },
      all: { exits: 0, ns: 0 },
    };
    this.#told.set(labels.text, row);
    this.#rows.set(key, row);
    return row;
  }

  values(): Iterable<DetailRow> {
    return this.#told.values();
  }
}

/** The rows with most exits; of those with as many the first ones. */
export function mostOf(rows: Iterable<DetailRow>, count: number): DetailRow[] {
  return [...rows].sort((a, b) => b.all.exits - a.all.exits).slice(0, count);
}
