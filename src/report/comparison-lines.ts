// A comparison as text, CSV and JSON.
import { nameInTable } from "../render/names";
import { csvLine } from "../render/csv";
import { type Column, table } from "../render/table";
import { type Unit, fitted } from "../render/units";
import { reasonLabel, reasonName } from "../reasons";
import { jsonText } from "../text";
import type { Change, Comparison, Per, Side } from "./compare";

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
  return [
    ...comparison.differences,
    ...table(columnsOf(comparison, wide), rows, header, wide ? Infinity : undefined),
    ...(left > 0 ? [`Not shown: ${left} reasons that changed less`] : []),
    ...(comparison.sum.p === undefined
      ? ["With fewer than 4 runs a side, what is chance and what isn't can't be told."]
      : []),
  ];
}

const SIDE = ["count", "rate", "costNs", "averageNs", "p50Ns", "p99Ns", "share"] as const;

/** A row for each reason, the values of before and of after. */
export function comparisonCsv({ changes }: Comparison, header: boolean): string[] {
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
export function comparisonJson({ per, differences, changes, sum }: Comparison): string {
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
  });
}
