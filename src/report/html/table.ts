// SPDX-License-Identifier: MIT
// Tables of a page, which sort by their headings.
import { readable } from "../../render/units";
import { escaped } from "../junit";

/** Most rows of a table: a page of 250 KB has room for them. */
const MAX_ROWS = 200;

/** A cell: what is shown, and the number that it is sorted by. */
export type Cell = readonly [text: string, value?: number];

/** A table with its heading. @param sorted the column by which rows are sorted already; -1 of none */
export function tableOf(
  id: string,
  title: string,
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  sorted: number,
): string {
  const head = headings.map(
    (heading, at) =>
      `<th scope="col" aria-sort="${at === sorted ? "descending" : "none"}"><button type="button">${escaped(heading)}</button></th>`,
  );
  const body = rows
    .slice(0, MAX_ROWS)
    .map(
      (row) =>
        `<tr>${row.map(([text, value]) => `<td${value === undefined ? "" : ` data-v="${value}"`}>${escaped(text)}</td>`).join("")}</tr>`,
    );
  const more = rows.length > MAX_ROWS ? `<p>${rows.length - MAX_ROWS} more aren't shown.</p>` : "";
  return `<section><h2 id="${id}">${escaped(title)}</h2><div class="scroll"><table aria-labelledby="${id}"><thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>${more}</section>`;
}

/** A time to be sorted by its ns. */
export const time = (ns: number | undefined): Cell =>
  ns === undefined ? ["–", 0] : [readable(ns), Math.round(ns)];

/** A number with so many digits after the point. */
export const number = (value: number, digits = 0): Cell => [value.toFixed(digits), value];
