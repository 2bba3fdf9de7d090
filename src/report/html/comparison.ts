// SPDX-License-Identifier: MIT
// What a page shows of a comparison: what changed, and where there are several runs, each of them.
import { readable } from "../../render/units";
import type { Comparison, Side } from "../compare";
import {
  type ComparisonRow,
  clockRows,
  comparisonRows,
  costChange,
  costOf,
  hasNoExits,
  isSamePercentile,
  perText,
  rateChange,
  shareText,
  sumRows,
} from "../comparison-lines";
import { escaped } from "../junit";
import { LEVEL } from "../ranks";
import { type Cell, type Heading, tableOf, time } from "./table";

/** A cell that is sorted by the number that it begins with. */
const sortable = (text: string): Cell => {
  const value = parseFloat(text);
  return Number.isNaN(value) ? [text] : [text, value];
};

function rateCell(rate: number): Cell {
  return [rate >= 100 || rate === 0 ? rate.toFixed(0) : rate.toPrecision(3), rate];
}

function cellsOf(comparison: Comparison, { name, difference, isDetail, reason }: ComparisonRow): Cell[] {
  const { before, after, p } = difference;
  const change = (text: string, of: (side: Side) => number | undefined): Cell => {
    const [a = 0, b = 0] = [of(before), of(after)];
    return [text, a > 0 ? b / a - 1 : b > 0 ? Number.MAX_VALUE : 0];
  };
  const percentile = (of: (side: Side) => number | undefined): Cell[] => [
    time(of(before)),
    isSamePercentile(of(before), of(after)) ? ["=", of(after) ?? 0] : time(of(after)),
  ];
  const share = (side: Side): Cell => [shareText(side, 1).replace("-", "–"), side.share];
  const { timed, tested } = comparison;
  return [
    [isDetail ? `${reason}: ${name}` : name],
    rateCell(before.rate),
    rateCell(after.rate),
    change(rateChange(difference), ({ rate }) => rate),
    ...(timed
      ? [
          time(costOf(before)),
          time(costOf(after)),
          change(costChange(difference), costOf),
          time(before.averageNs),
          time(after.averageNs),
          ...percentile(({ p50Ns }) => p50Ns),
          ...percentile(({ p99Ns }) => p99Ns),
          share(before),
          share(after),
        ]
      : []),
    ...(tested ? [sortable(p?.toPrecision(2) ?? "–")] : []),
  ];
}

const pair = (over: string): Heading[] => [{ text: "before", over }, { text: "after" }];

function changeTable(comparison: Comparison): string {
  const { per, timed, tested } = comparison;
  const unit = perText(per);
  const headings: Heading[] = [
    { text: "Reason", over: "" },
    ...pair(`Exits per ${unit}`),
    { text: "change" },
    ...(timed
      ? [
          ...pair(`Cost per ${unit}`),
          { text: "change" },
          ...pair("Average"),
          ...pair("P50"),
          ...pair("P99"),
          ...pair("Time %"),
        ]
      : []),
    ...(tested ? [{ text: "p", over: "Chance" }] : []),
  ];
  const [rows, sums] = [comparisonRows(comparison), sumRows(comparison)].map((some) =>
    some.map((row) => cellsOf(comparison, row)),
  ) as [Cell[][], Cell[][]];
  const notes = [
    timed ? "Cost: handling time. =: the percentile is the same to an eighth." : "",
    tested
      ? `Values are medians of the runs. ~: chance may have made it (exact Mann-Whitney test over runs, p above ${LEVEL}).`
      : "With fewer than 4 runs a side, what is chance and what isn't can't be told.",
  ];
  return tableOf("changes", "What changed", headings, rows, -1, notes.join(" "), sums);
}

const WIDTH = 920;
const LEFT = 180;
const RIGHT = 90;
const ROW = 26;
/** Most reasons whose runs are drawn. */
const MOST = 12;

/** Each run as a point: by reason, before above after, each reason's axis from 0 to its highest. */
function runsChart(comparison: Comparison): string {
  const { timed, per } = comparison;
  const text = timed ? readable : (value: number) => value.toPrecision(3);
  const rows = comparisonRows(comparison).filter(({ isDetail }) => !isDetail);
  const shown = [...rows.slice(0, MOST), ...sumRows(comparison)];
  const words = shown.map(({ name, difference: { values } }) => {
    const [before, after] = values.map((side) => `${text(Math.min(...side))} to ${text(Math.max(...side))}`);
    return `${name}: before ${before ?? ""}, after ${after ?? ""}`;
  });
  const lines = shown.map(({ name, difference: { values } }, at) => {
    const most = Math.max(...values.flat());
    const y = ROW * at + ROW / 2;
    const marks = values.map((side, when) =>
      side
        .map((value) => {
          const x = LEFT + ((WIDTH - LEFT - RIGHT) * value) / (most || 1);
          return when === 0
            ? `<circle class="before" cx="${x.toFixed(1)}" cy="${y - 5}" r="4"/>`
            : `<path class="after" d="M${x.toFixed(1)} ${y}l5 5l-5 5l-5-5z"/>`;
        })
        .join(""),
    );
    return `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/><text x="${LEFT - 10}" y="${y + 4}" text-anchor="end">${escaped(name)}</text><text x="${WIDTH - RIGHT + 8}" y="${y + 4}">${escaped(text(most))}</text>${marks.join("")}`;
  });
  const what = `${timed ? "Cost" : "Exits"} per ${perText(per)} of each run`;
  return `<section><h2>${escaped(what)}</h2><ul class="key"><li><svg viewBox="0 0 10 10" aria-hidden="true"><circle class="before" cx="5" cy="5" r="4"/></svg>before</li><li><svg viewBox="0 0 10 10" aria-hidden="true"><path class="after" d="M5 0l5 5l-5 5l-5-5z"/></svg>after</li></ul><p>Each row from 0 to its highest.</p><div class="scroll"><svg class="runs" viewBox="0 0 ${WIDTH} ${ROW * shown.length}" role="img" aria-label="${escaped(`${what}. ${words.join("; ")}`)}">${lines.join("")}</svg></div></section>`;
}

function clockTable(comparison: Comparison): string {
  const { headings, rows } = clockRows(comparison);
  if (rows.length === 0) return "";
  return tableOf(
    "clock-changes",
    "What changed in the time of vCPUs",
    headings.map((text) => ({ text })),
    rows.map((row) => row.map((text): Cell => [text])),
    -1,
  );
}

/** Sections of a comparison. @param several whether a side has several runs */
export function comparisonSections(comparison: Comparison, several: boolean): string[] {
  const differences = comparison.differences.map((line) => `<p class="lost">${escaped(line)}</p>`).join("");
  return [
    differences,
    clockTable(comparison),
    ...(hasNoExits(comparison) ? [] : [changeTable(comparison), several ? runsChart(comparison) : ""]),
  ];
}
