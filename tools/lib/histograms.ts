// SPDX-License-Identifier: MIT
// Histograms with what they are of.
import { detailRows } from "../../src/measure/details";
import { type Counters, type Samples, inOrder, sumOf, total } from "../../src/measure/samples";
import { reasonLabel } from "../../src/reasons";
import { histogramLines, histogramTitle } from "../../src/render/histogram";
import { nameInTable } from "../../src/render/names";
import { safeText } from "../../src/text";
import type { Unit } from "../../src/render/units";
import { emphasized } from "./output";
import type { Page } from "./tables";
import type { Options } from "./tool";

/** `--trim`. */
export const TRIM = {
  trim: {
    flags: ["--trim"],
    description: "begin where there are exits, as by itself where the whole wouldn't fit the terminal",
  },
} as const satisfies Options;

/** How histograms are printed. */
export interface HistogramOptions {
  readonly unit: Unit;
  readonly trim: boolean;
}

// The histogram's title, that of its VM, and the prompt.
const OTHER_ROWS = 3;

/** A histogram under its title. @param name what its exits have in common, "" if nothing */
export function titledHistogram(
  name: string,
  counters: Counters,
  page: Page,
  { unit, trim }: HistogramOptions,
): string[] {
  const { heading, columns } = page;
  const rows = page.rows === undefined ? undefined : page.rows - OTHER_ROWS;
  const lines = histogramLines(counters.buckets, { unit, heading, trim, rows, columns });
  const title = [name, heading ? histogramTitle(counters, unit) : ""].filter((part) => part !== "");
  return title.length === 0 ? lines : [emphasized(title.join(": ")), ...lines];
}

/** One histogram of all reasons. */
export function histogramOfAll(samples: Samples, page: Page, options: HistogramOptions): string[] {
  return titledHistogram("", total(sumOf(samples)), page, options);
}

/** A histogram of each reason, and of each of its details. */
export function histogramsByReason(samples: Samples, page: Page, options: HistogramOptions): string[] {
  return inOrder(samples)
    .flatMap((sample) => {
      const name = `${reasonLabel(sample.reason)} ${nameInTable(sample)}`;
      const details = detailRows(sample).map(
        ({ text, sample }) => [`${name}: ${safeText(text)}`, sample] as const,
      );
      return [[name, sample] as const, ...details];
    })
    .flatMap(([name, sample], i) => [
      ...(i > 0 ? [""] : []),
      ...titledHistogram(name, total(sample), page, options),
    ]);
}
