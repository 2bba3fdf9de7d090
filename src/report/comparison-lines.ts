// SPDX-License-Identifier: MIT
// A comparison as text, CSV and JSON.
import { nameInTable } from "../render/names";
import { csvLine } from "../render/csv";
import { type Column, fittingTable, table } from "../render/table";
import { type Unit, readable } from "../render/units";
import { isIdle, reasonLabel, reasonName } from "../reasons";
import { csvText, jsonText, safeText } from "../text";
import type { Change, Comparison, Difference, Per, Side } from "./compare";
import type { ClockChange } from "./compare-clocks";
import { LEVEL } from "./ranks";

/** A percentile is known to an eighth: a smaller change is none. */
const EIGHTH = 1.125;
const WIDTH = 8;
const HUNDRED = 100;

/** What rates are per, for headings. */
export function perText(per: Per): string {
  return per === "second" ? "s" : per === "vcpu" ? "s of a vCPU" : per === "exit" ? "exit" : per.reason;
}

/** Three digits and more: `1234`, `12.3`, `0.0123`. */
function figure(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) >= HUNDRED ? value.toFixed(0) : value.toPrecision(3);
}

/** With its sign; what is rounded to nothing has none of its own. */
const signed = (text: string) =>
  text.startsWith("-") && parseFloat(text) !== 0 ? text : `+${text.replace("-", "")}`;

/** A change in per cent, `~` where chance may have made it. */
function percent(before: number, after: number, p: number | undefined): string {
  if (p !== undefined && p > LEVEL) return "~";
  if (before === 0) return after === 0 ? "0%" : "new";
  if (after === 0) return "gone";
  return signed(`${((HUNDRED * (after - before)) / before).toFixed(1)}%`);
}

/** The same for headings of tables. */
const shortPer = (per: Per) => (per === "vcpu" ? "s/vCPU" : perText(per));

/** Units of times, from the finest: ns in it, and the digits after its point. */
const UNITS = [
  ["ns", 1, 0],
  ["us", 1e3, 1],
  ["ms", 1e6, 3],
  ["s", 1e9, 3],
] as const;

/** How the times of a column are printed: all in one unit. */
interface Scale {
  readonly unit: string;
  readonly text: (ns: number | undefined) => string;
}

/** The unit that was asked for, or the finest in which the longest time of the column has room. */
function scaleOf(times: readonly (number | undefined)[], asked: Unit | undefined): Scale {
  const longest = Math.max(0, ...times.map((ns) => ns ?? 0));
  const fits = ([unit, ns, digits]: (typeof UNITS)[number]) =>
    asked === undefined ? (longest / ns).toFixed(digits).length <= WIDTH : unit === asked;
  const [unit, scale, digits] = UNITS.find(fits) ?? (["s", 1e9, 3] as const);
  const least = (1 / 10 ** digits).toFixed(digits);
  const text = (ns: number | undefined) => {
    if (ns === undefined) return "-";
    const shown = (ns / scale).toFixed(digits);
    return ns > 0 && Number(shown) === 0 ? `<${least}` : shown;
  };
  return { unit, text };
}

/** Whether a percentile, which is known to an eighth, is the same. */
export function isSamePercentile(before: number | undefined, after: number | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  return Math.max(before, after) < Math.min(before, after) * EIGHTH;
}

const right = (heading: string, width = 0): Column => ({ heading, align: "right", width });

/** Most details of a reason that a table has. */
const MOST_DETAILS = 10;

/** A row of a comparison: whose, and its numbers. */
export interface ComparisonRow {
  readonly name: string;
  readonly difference: Difference;
  /** Of a reason's exits, and so part of the row above. */
  readonly isDetail: boolean;
  /** The reason's name; of a detail, that of its reason. */
  readonly reason: string;
}

/** The rows of a comparison. @param top how many reasons; all if undefined */
export function comparisonRows({ changes }: Comparison, top?: number): ComparisonRow[] {
  return changes.slice(0, top).flatMap((change): ComparisonRow[] => {
    const reason = `${reasonLabel(change.reason)} ${nameInTable(change)}`;
    return [
      { name: reason, difference: change, isDetail: false, reason },
      ...change.details
        .slice(0, MOST_DETAILS)
        .map((detail) => ({ name: safeText(detail.text), difference: detail, isDetail: true, reason })),
    ];
  });
}

/** The rows of its sums: without idle exits, where there are such, and of all. */
export function sumRows({ changes, awake, sum }: Comparison): ComparisonRow[] {
  const hasIdle = changes.some(({ isa, reason }) => isIdle(isa, reason));
  return [
    ...(hasIdle ? [{ name: "Not idle", difference: awake, isDetail: false, reason: "Not idle" }] : []),
    { name: "Total", difference: sum, isDetail: false, reason: "Total" },
  ];
}

/** Columns of a value: before, after and, of rates and costs, the change. */
interface Values {
  readonly heading: string;
  readonly width: number;
  readonly cells: (difference: Difference) => readonly [before: string, after: string];
  readonly change?: (difference: Difference) => string;
  /** Those of the lowest rank are left out first where there is no room. */
  readonly rank?: number;
}

/** The value by which a change is judged. */
export function judgedValue({ timed }: Pick<Comparison, "timed">, side: Side): number {
  return timed ? side.costNs : side.rate;
}

/** The handling time; undefined where no exit has one. */
export function costOf({ count, averageNs, costNs }: Side): number | undefined {
  return count > 0 && averageNs === undefined ? undefined : costNs;
}

/** The share of the time in per cent; a dash where no exit has a time. */
export function shareText(side: Side, digits: number): string {
  return costOf(side) === undefined ? "-" : (HUNDRED * side.share).toFixed(digits);
}

/** The change of the rate in words. */
export function rateChange({ before, after, rateP }: Difference): string {
  return percent(before.rate, after.rate, rateP);
}

/** The change of the cost in words; a dash where one side has exits without times. */
export function costChange({ before, after, p }: Difference): string {
  const [a, b] = [costOf(before), costOf(after)];
  return a === undefined || b === undefined ? "-" : percent(a, b, p);
}

function valuesOf(
  { per, timed }: Comparison,
  rows: readonly ComparisonRow[],
  unit: Unit | undefined,
  wide: boolean,
): Values[] {
  const both = (heading: string, width: number, text: (side: Side) => string): Values => ({
    heading,
    width,
    cells: ({ before, after }) => [text(before), text(after)],
  });
  const times = (heading: string, of: (side: Side) => number | undefined): Values => {
    const sides = rows.flatMap(({ difference: { before, after } }) => [of(before), of(after)]);
    const scale = scaleOf(sides, unit);
    return both(`${heading} ${scale.unit}`, WIDTH, (side) => scale.text(of(side)));
  };
  const percentiles = (heading: string, of: (side: Side) => number | undefined): Values => {
    const values = times(heading, of);
    const cells = (difference: Difference) => {
      const [before, after] = values.cells(difference);
      const same = isSamePercentile(of(difference.before), of(difference.after));
      return [before, same ? "=" : after] as const;
    };
    return { ...values, width: 0, cells };
  };
  return [
    { ...both(`/${shortPer(per)}`, WIDTH, ({ rate }) => figure(rate)), change: rateChange },
    ...(timed
      ? [
          { ...times("Cost", costOf), change: costChange },
          { ...times("Avg", ({ averageNs }) => averageNs), rank: 4 },
        ]
      : []),
    ...(timed && wide
      ? [
          { ...percentiles("P50", ({ p50Ns }) => p50Ns), rank: 1 },
          { ...percentiles("P99", ({ p99Ns }) => p99Ns), rank: 3 },
          { ...both("Time%", 0, (side) => shareText(side, 2)), rank: 2 },
        ]
      : []),
  ];
}

function exitLines(comparison: Comparison, { unit, wide, header, top, room }: ComparisonOptions): string[] {
  const rows = [...comparisonRows(comparison, top), ...sumRows(comparison)];
  const values = valuesOf(comparison, rows, unit, wide);
  const headings = ({ heading, width, change, rank }: Values): Column[] => {
    const ranked = rank === undefined ? {} : { rank };
    return [
      { ...right(heading, width), ...ranked },
      { ...right("after", width), ...ranked, name: "" },
      ...(change ? [right("change", width)] : []),
    ];
  };
  const columns: Column[] = [
    { heading: "Exit reason", align: "left", width: 18, least: 8 },
    ...values.flatMap(headings),
    ...(wide ? [right("p")] : []),
  ];
  const cells = rows.map(({ name, difference, isDetail }) => [
    isDetail ? `  ${name}` : name,
    ...values.flatMap(({ cells, change }) => [...cells(difference), ...(change ? [change(difference)] : [])]),
    ...(wide ? [difference.p === undefined ? "-" : difference.p.toPrecision(2)] : []),
  ]);
  const { changes } = comparison;
  const left = changes.length - changes.slice(0, top).length;
  const few = changes.slice(0, top).filter(({ details }) => details.length > MOST_DETAILS).length;
  return [
    ...fittingTable(columns, cells, header, room),
    ...(left > 0 ? [`Not shown: ${left} reasons that changed less`] : []),
    ...(few > 0
      ? [`Not shown: details of ${few} reasons beyond the first ${MOST_DETAILS}; --json has them`]
      : []),
  ];
}

const CLOCK_HEADINGS = ["Time of vCPUs", "before", "after", "change"];

function clockCells({ name, unit, before, after, p }: ClockChange): string[] {
  const value = (of: number | undefined) =>
    of === undefined ? "-" : unit === "ns" ? readable(of) : `${figure(of)}${unit}`;
  const [a = 0, b = 0] = [before, after];
  const points = `${signed((b - a).toFixed(1))} points`;
  const change = unit === "%" && !(p !== undefined && p > LEVEL) ? points : percent(a, b, p);
  return [name, value(before), value(after), change];
}

/** The headings and rows of how vCPUs' time was split; no rows unless both sides tell. */
export function clockRows({ split }: Comparison): { headings: string[]; rows: string[][] } {
  return { headings: CLOCK_HEADINGS, rows: split.map(clockCells) };
}

/** Whether a comparison is of clocks only. */
export function hasNoExits({ changes, split }: Comparison): boolean {
  return changes.length === 0 && split.length > 0;
}

function clockLines(comparison: Comparison, header: boolean): string[] {
  const { headings, rows } = clockRows(comparison);
  if (rows.length === 0) return [];
  const [first = "", ...others] = headings;
  const columns: Column[] = [
    { heading: first, align: "left", width: 18 },
    ...others.map((heading) => right(heading, 14)),
  ];
  return [...table(columns, rows, header), ...(hasNoExits(comparison) ? [] : [""])];
}

/** What a table shows. */
export interface ComparisonOptions {
  /** Undefined: of each column the finest in which all its times have room. */
  readonly unit: Unit | undefined;
  /** Percentiles and shares, too. */
  readonly wide: boolean;
  readonly header: boolean;
  /** How many reasons; all if undefined. */
  readonly top: number | undefined;
  /** The terminal's columns; undefined where it isn't one. */
  readonly room: number | undefined;
}

/** Lines of a comparison: what differs between the sides first, then a row for each reason, their sum last. */
export function comparisonLines(comparison: Comparison, options: ComparisonOptions): string[] {
  const { header } = options;
  const untested = [comparison.sum, ...comparison.split].every(({ p }) => p === undefined);
  return [
    ...[...comparison.differences, ...comparison.losses].map(safeText),
    ...clockLines(comparison, header),
    ...(hasNoExits(comparison) ? [] : exitLines(comparison, options)),
    ...(untested ? ["With fewer than 4 runs a side, what is chance and what isn't can't be told."] : []),
  ];
}

/** A side without the times that its exits don't have. */
function sideFields(side: Side): Partial<Side> {
  const { costNs, share, ...others } = side;
  return costOf(side) === undefined ? others : { ...others, costNs, share };
}

const SIDE = ["count", "rate", "costNs", "averageNs", "p50Ns", "p99Ns", "share"] as const;

/** A row for each reason and one for each of its details, the values of before and of after; of clocks only, a row for each of their values. */
export function comparisonCsv(comparison: Comparison, header: boolean): string[] {
  const { changes, split } = comparison;
  if (hasNoExits(comparison))
    return [
      ...(header ? [csvLine(["name", "unit", "before", "after", "p"])] : []),
      ...split.map(({ name, unit, before = "", after = "", p = "" }) =>
        csvLine([name, unit, before, after, p]),
      ),
    ];
  const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const headings = ["before", "after"].flatMap((when) => SIDE.map((name) => `${when}_${snake(name)}`));
  const row = ({ isa, reason }: Change, detail: string, { before, after, p, rateP }: Difference) =>
    csvLine([
      isa,
      reason,
      reasonName(isa, reason) ?? "",
      csvText(detail),
      ...[before, after].map(sideFields).flatMap((side) => SIDE.map((name) => side[name] ?? "")),
      p ?? "",
      rateP ?? "",
    ]);
  return [
    ...(header ? [csvLine(["isa", "reason", "name", "detail", ...headings, "p", "rate_p"])] : []),
    ...changes.flatMap((change) => [
      row(change, "", change),
      ...change.details.map((detail) => row(change, detail.text, detail)),
    ]),
  ];
}

/** One object: what differs, and the reasons in the order of the table. */
export function comparisonJson(comparison: Comparison): string {
  const { per, changes, awake, sum, split } = comparison;
  const sides = ({ before, after, p, rateP }: Difference) => ({
    before: sideFields(before),
    after: sideFields(after),
    p: p ?? null,
    rateP: rateP ?? null,
  });
  return jsonText({
    schema: "kvm-vmexit-comparison/1",
    per: typeof per === "string" ? per : per.reason,
    differences: [...comparison.differences, ...comparison.losses],
    changes: changes.map((change) => ({
      isa: change.isa,
      reason: change.reason,
      name: reasonName(change.isa, change.reason) ?? null,
      ...sides(change),
      details: change.details.map((detail) => ({ text: detail.text, ...sides(detail) })),
    })),
    notIdle: sides(awake),
    sum: sides(sum),
    split: split.map(({ name, unit, before = null, after = null, p = null }) => ({
      name,
      unit,
      before,
      after,
      p,
    })),
  });
}
