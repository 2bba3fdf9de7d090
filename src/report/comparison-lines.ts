// SPDX-License-Identifier: MIT
// A comparison as text, CSV and JSON.
import { nameInTable } from "../render/names";
import { csvLine } from "../render/csv";
import { type Column, table } from "../render/table";
import { type Unit, fitted, readable } from "../render/units";
import { reasonLabel, reasonName } from "../reasons";
import { jsonText, safeText } from "../text";
import type { Change, Comparison, Per, Side } from "./compare";
import type { ClockChange } from "./compare-clocks";

/** A level at which chance is ruled out. */
const LEVEL = 0.05;
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

const signed = (text: string) => (text.startsWith("-") ? text : `+${text}`);

/** A change in per cent, `~` where chance may have made it. */
function percent(before: number, after: number, p: number | undefined): string {
  if (p !== undefined && p > LEVEL) return "~";
  if (before === 0) return after === 0 ? "0%" : "new";
  if (after === 0) return "gone";
  return signed(`${((HUNDRED * (after - before)) / before).toFixed(1)}%`);
}

function time(ns: number | undefined, unit: Unit): string {
  return ns === undefined ? "-" : fitted(ns, unit, WIDTH);
}

/** A percentile and what it changed to, if that is a change. */
function percentileCells(before: number | undefined, after: number | undefined, unit: Unit): string[] {
  const [low, high] = [Math.min(before ?? 0, after ?? 0), Math.max(before ?? 0, after ?? 0)];
  const same = before !== undefined && after !== undefined && high < low * EIGHTH;
  return [time(before, unit), same ? "=" : time(after, unit)];
}

const right = (heading: string, width = 0): Column => ({ heading, align: "right", width });

function columnsOf({ per, timed }: Comparison, wide: boolean): Column[] {
  return [
    { heading: "Exit reason", align: "left", width: 18, least: 8 },
    right(`/${perText(per)}`, WIDTH),
    right("after", WIDTH),
    right("change", WIDTH),
    ...(timed
      ? [right("Avg", WIDTH), right("after", WIDTH), right("Cost", WIDTH), right("after", WIDTH)]
      : []),
    ...(timed && wide
      ? ["P50", "after", "P99", "after", "Time%", "after"].map((heading) => right(heading))
      : []),
    ...(wide ? [right("p")] : []),
  ];
}

function cells(
  name: string,
  { before, after, p }: Change,
  { timed }: Comparison,
  unit: Unit,
  wide: boolean,
): string[] {
  const share = (side: Side) => (HUNDRED * side.share).toFixed(2);
  const value = (side: Side) => (timed ? side.costNs : side.rate);
  return [
    name,
    figure(before.rate),
    figure(after.rate),
    percent(value(before), value(after), p),
    ...(timed
      ? [
          time(before.averageNs, unit),
          time(after.averageNs, unit),
          time(before.costNs, unit),
          time(after.costNs, unit),
        ]
      : []),
    ...(timed && wide
      ? [
          ...percentileCells(before.p50Ns, after.p50Ns, unit),
          ...percentileCells(before.p99Ns, after.p99Ns, unit),
          share(before),
          share(after),
        ]
      : []),
    ...(wide ? [p === undefined ? "-" : p.toPrecision(2)] : []),
  ];
}

/** The headings and rows of a comparison, their sum last. */
export function comparisonRows(
  comparison: Comparison,
  unit: Unit,
  wide: boolean,
  top?: number,
): { headings: string[]; rows: string[][] } {
  const rows = comparison.changes
    .slice(0, top)
    .map((change) =>
      cells(`${reasonLabel(change.reason)} ${nameInTable(change)}`, change, comparison, unit, wide),
    );
  return {
    headings: columnsOf(comparison, wide).map(({ heading }) => heading),
    rows: [...rows, cells("Total", comparison.sum, comparison, unit, wide)],
  };
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
  readonly unit: Unit;
  /** Percentiles and shares, too. */
  readonly wide: boolean;
  readonly header: boolean;
  /** How many reasons; all if undefined. */
  readonly top: number | undefined;
}

/** Lines of a comparison: what differs between the sides first, then a row for each reason, their sum last. */
export function comparisonLines(comparison: Comparison, options: ComparisonOptions): string[] {
  const { unit, wide, header, top } = options;
  const { rows } = comparisonRows(comparison, unit, wide, top);
  const left = comparison.changes.length - rows.length + 1;
  const exits = hasNoExits(comparison)
    ? []
    : [
        ...table(columnsOf(comparison, wide), rows, header, wide ? Infinity : undefined),
        ...(left > 0 ? [`Not shown: ${left} reasons that changed less`] : []),
      ];
  const untested = [comparison.sum, ...comparison.split].every(({ p }) => p === undefined);
  return [
    ...comparison.differences.map(safeText),
    ...clockLines(comparison, header),
    ...exits,
    ...(untested ? ["With fewer than 4 runs a side, what is chance and what isn't can't be told."] : []),
  ];
}

const SIDE = ["count", "rate", "costNs", "averageNs", "p50Ns", "p99Ns", "share"] as const;

/** A row for each reason, the values of before and of after; of clocks only, a row for each of their values. */
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
  const row = ({ isa, reason, before, after, p }: Change) => [
    isa,
    reason,
    reasonName(isa, reason) ?? "",
    ...[before, after].flatMap((side) => SIDE.map((name) => side[name] ?? "")),
    p ?? "",
  ];
  return [
    ...(header ? [csvLine(["isa", "reason", "name", ...headings, "p"])] : []),
    ...changes.map((change) => csvLine(row(change))),
  ];
}

/** One object: what differs, and the reasons in the order of the table. */
export function comparisonJson({ per, differences, changes, sum, split }: Comparison): string {
  const fields = ({ isa, reason, before, after, p }: Change) => ({
    ...(isa === "" ? {} : { isa, reason, name: reasonName(isa, reason) ?? null }),
    before,
    after,
    p: p ?? null,
  });
  return jsonText({
    schema: "kvm-vmexit-comparison/1",
    per: typeof per === "string" ? per : per.reason,
    differences,
    changes: changes.map(fields),
    sum: fields(sum),
    split: split.map(({ name, unit, before = null, after = null, p = null }) => ({
      name,
      unit,
      before,
      after,
      p,
    })),
  });
}
