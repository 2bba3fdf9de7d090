// SPDX-License-Identifier: MIT
// Tables of a page, which sort by their headings.
import { readable } from "../../render/units";
import { escaped } from "../junit";

/** Most rows of a table: a page of 250 KB has room for them. */
const MAX_ROWS = 200;

/** Tables of more columns have less room for each. */
const MOST_WIDE = 12;

/** A cell: what is shown, and the number that it is sorted by. */
export type Cell = readonly [text: string, value?: number];

/** Where there is nothing to tell; sorted below all numbers. */
export const NONE: Cell = ["–", -1];

/** The heading of a column. */
export interface Heading {
  readonly text: string;
  /** What stands above it and the columns after it, up to the next that has such. */
  readonly over?: string;
}

/** What stands above headings, if anything does. */
function overHeadings(headings: readonly Heading[]): string {
  const groups: { text: string; columns: number }[] = [];
  for (const { over } of headings) {
    const last = groups.at(-1);
    if (over === undefined && last) last.columns++;
    else groups.push({ text: over ?? "", columns: 1 });
  }
  if (groups.every(({ text }) => text === "")) return "";
  const cell = ({ text, columns }: (typeof groups)[number]) =>
    text === ""
      ? `<td colspan="${columns}"></td>`
      : `<th scope="colgroup" colspan="${columns}">${escaped(text)}</th>`;
  return `<tr class="over">${groups.map(cell).join("")}</tr>`;
}

/**
 * A table with its heading.
 * @param sorted the column by which rows are sorted already; -1 of none
 * @param note below it
 * @param sums rows that stay at the end, however the others are sorted
 */
export function tableOf(
  id: string,
  title: string,
  headings: readonly Heading[],
  rows: readonly (readonly Cell[])[],
  sorted: number,
  note = "",
  sums: readonly (readonly Cell[])[] = [],
): string {
  const head = headings.map(
    ({ text }, at) =>
      `<th scope="col" aria-sort="${at === sorted ? "descending" : "none"}"><button type="button">${escaped(text)}</button></th>`,
  );
  const line = (row: readonly Cell[]) =>
    `<tr>${row.map(([text, value]) => `<td${value === undefined ? "" : ` data-v="${value}"`}>${escaped(text)}</td>`).join("")}</tr>`;
  const body = rows.slice(0, MAX_ROWS).map(line);
  const foot = sums.length === 0 ? "" : `<tfoot>${sums.map(line).join("")}</tfoot>`;
  const dense = headings.length > MOST_WIDE ? ' class="dense"' : "";
  const more = rows.length > MAX_ROWS ? `<p>${rows.length - MAX_ROWS} more aren't shown.</p>` : "";
  const below = note === "" ? "" : `<p>${escaped(note)}</p>`;
  return `<section><h2 id="${id}">${escaped(title)}</h2><div class="scroll"><table${dense} aria-labelledby="${id}"><thead>${overHeadings(headings)}<tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody>${foot}</table></div>${more}${below}</section>`;
}

/** Headings of one row. */
export const plain = (texts: readonly string[]): Heading[] => texts.map((text) => ({ text }));

/** A time to be sorted by its ns. */
export const time = (ns: number | undefined): Cell =>
  ns === undefined ? NONE : [readable(ns), Math.round(ns)];

/** A number with so many digits after the point. */
export const number = (value: number, digits = 0): Cell => [value.toFixed(digits), value];
