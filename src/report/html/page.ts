// A run, or two that are compared, as one page of HTML: offline, and closed to what names from outside might bring.
import { createHash } from "node:crypto";
import { timeStamp } from "../../local-time";
import { percentileOf } from "../../measure/histogram";
import { groupSamples } from "../../measure/grouping";
import { type Sample, type Samples, add, average, total, zero } from "../../measure/samples";
import { isIdle, reasonLabel, reasonName } from "../../reasons";
import { lostLines } from "../../render/lost";
import { titleOf } from "../../render/names";
import { readable } from "../../render/units";
import { type Comparison, reasonsOf } from "../compare";
import { comparisonRows } from "../comparison-lines";
import { escaped } from "../junit";
import type { Run } from "../run";
import type { Moment, Part } from "../timeline";
import { FRAME, type Series, heatMap, heatWords, keyOf, stacked } from "./charts";
import { COLOURS, SCRIPT, STYLE } from "./style";

/** Most rows of a table: a page of 250 KB has room for them. */
const MAX_ROWS = 200;

const nameOf = ({ isa, reason }: Pick<Sample, "isa" | "reason">) =>
  reasonName(isa, reason) ?? reasonLabel(reason);

/** A cell: what is shown, and the number that it is sorted by. */
type Cell = readonly [text: string, value?: number];

function tableOf(
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

const time = (ns: number | undefined): Cell => (ns === undefined ? ["–", 0] : [readable(ns), Math.round(ns)]);
const number = (value: number, digits = 0): Cell => [value.toFixed(digits), value];

function reasonTable(samples: Samples): string {
  const all = [...samples.values()].reduce((sum, sample) => sum + total(sample).totalNs, 0);
  const rows = [...samples.values()]
    .sort((a, b) => total(b).totalNs - total(a).totalNs || total(b).count - total(a).count)
    .map((sample): Cell[] => {
      const counters = total(sample);
      return [
        [nameOf(sample)],
        number(counters.count),
        time(counters.timed > 0 ? average(counters) : undefined),
        time(percentileOf(counters, 0.5)),
        time(percentileOf(counters, 0.99)),
        time(percentileOf(counters, 0.999)),
        time(counters.timed > 0 ? counters.maxNs : undefined),
        number(all > 0 ? (100 * counters.totalNs) / all : 0, 2),
      ];
    });
  return tableOf(
    "reasons",
    "Reasons",
    ["Reason", "Exits", "Average", "P50", "P99", "P99.9", "Longest", "Time %"],
    rows,
    7,
  );
}

function vmTable({ reading }: Run): string {
  const seconds = reading.durationNs / 1e9 || 1;
  const rows = groupSamples(reading, "vm")
    .filter(([{ vm }]) => vm !== undefined)
    .map(([identity, samples]): Cell[] => {
      const sum = zero();
      const awake = [...samples.values()].filter(({ isa, reason }) => !isIdle(isa, reason));
      for (const sample of awake) add(sum, total(sample));
      const [first] = awake.sort(
        (a, b) => total(b).totalNs - total(a).totalNs || total(b).count - total(a).count,
      );
      return [
        [titleOf(identity)],
        number(sum.count / seconds, 1),
        time(sum.timed > 0 ? average(sum) : undefined),
        time(percentileOf(sum, 0.99)),
        time(sum.totalNs / seconds),
        [first ? nameOf(first) : ""],
      ];
    })
    .sort((a, b) => (b[4]?.[1] ?? 0) - (a[4]?.[1] ?? 0) || (b[1]?.[1] ?? 0) - (a[1]?.[1] ?? 0));
  if (rows.length === 0) return "";
  const headings = ["VM, without idle exits", "Exits/s", "Average", "P99", "Handling time/s", "Most time"];
  return tableOf("vms", "VMs", headings, rows, 4);
}

type Value = (part: Part) => number;

const countOf: Value = ({ count }) => count;
const timeOf: Value = ({ totalNs }) => totalNs;

/** The reasons of all charts, in one order so that each has one colour: those of most time, or most exits. */
function drawnKeys({ timeline: { moments } }: Run, of: Value): number[] {
  const sums = new Map<number, number>();
  for (const { parts } of moments)
    for (const [key, part] of parts) sums.set(key, (sums.get(key) ?? 0) + of(part));
  return [...sums].sort(([, a], [, b]) => b - a).map(([key]) => key);
}

/** What is drawn of each reason in a second; where there are too many, the last are one. */
function seriesOf({ timeline }: Run, keys: readonly number[], of: Value): Series[] {
  const { moments, reasons } = timeline;
  const valueAt = ({ parts, durationNs }: Moment, chosen: readonly number[]) => {
    const value = chosen.reduce((sum, key) => sum + of(parts.get(key) ?? { count: 0, totalNs: 0 }), 0);
    return durationNs > 0 ? (value * 1e9) / durationNs : 0;
  };
  const own = keys.length > COLOURS.length ? COLOURS.length - 1 : keys.length;
  const series = keys.slice(0, own).map((key): Series => {
    const reason = reasons.get(key);
    return { name: reason ? nameOf(reason) : "", values: moments.map((moment) => valueAt(moment, [key])) };
  });
  const rest = keys.slice(own);
  if (rest.length > 0)
    series.push({ name: `${rest.length} others`, values: moments.map((moment) => valueAt(moment, rest)) });
  return series;
}

const figure = (value: number) => (value >= 1000 ? `${(value / 1000).toFixed(1)}k` : value.toPrecision(3));

function wordsOf(series: readonly Series[], columns: number, text: (value: number) => string): string[][] {
  return Array.from({ length: columns }, (_, column) =>
    series.map(({ name, values }) => `${text(values[column] ?? 0)} ${name}`),
  );
}

function headOf(title: string, runs: readonly Run[], names: readonly string[]): string {
  const lines = runs.map((run, at) => {
    const { reading, abouts, intervals } = run;
    const hosts = new Set(
      abouts.map(({ host }) =>
        host
          ? [
              host.processor || host.machine,
              `Linux ${host.kernel}`,
              host.isa,
              `attached ${host.attach}`,
            ].join(", ")
          : "host unknown",
      ),
    );
    const tools = new Set(abouts.map(({ tool, version }) => `${tool} ${version}`.trim()));
    const lost = reading.lost ? lostLines(reading.lost) : ["Lost: unknown how much"];
    const when = `${timeStamp(reading.start, true)} to ${timeStamp(reading.end, true)}, ${intervals} intervals, ${readable(reading.durationNs)}`;
    return [
      `<p>${escaped([names[at], ...hosts, when, ...tools].filter((part) => part).join("; "))}</p>`,
      lost.length === 0
        ? "<p>Nothing was lost.</p>"
        : lost.map((line) => `<p class="lost">${escaped(line)}</p>`).join(""),
    ].join("");
  });
  return `<h1>${escaped(title)}</h1>${lines.join("")}`;
}

function comparisonSection(comparison: Comparison): string {
  const { headings, rows } = comparisonRows(comparison, "us", true);
  const differences = comparison.differences.map((line) => `<p class="lost">${escaped(line)}</p>`).join("");
  const cells = rows.map((row) =>
    row.map((text): Cell => (Number.isNaN(parseFloat(text)) ? [text] : [text, parseFloat(text)])),
  );
  const note = "<p>Times in us. ~: chance may have made it; =: the percentile is the same to an eighth.</p>";
  return differences + tableOf("changes", "What changed", headings, cells, -1) + note;
}

/** What a page is about. */
export interface PageInput {
  /** The run that is drawn: of two sides, that of after. */
  readonly run: Run;
  readonly before: Run | undefined;
  readonly comparison: Comparison | undefined;
  /** Whether the run has handling times. */
  readonly timed: boolean;
}

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page, whole. Nothing in it loads anything, which its content security policy makes sure of. */
export function page({ run, before, comparison, timed }: PageInput): string {
  const { moments, intervalsEach } = run.timeline;
  const times = moments.map(({ start }) => timeStamp(start).slice(11));
  const keys = drawnKeys(run, timed ? timeOf : countOf);
  const [rates, costs] = [seriesOf(run, keys, countOf), seriesOf(run, keys, timeOf)];
  const columns = moments.length;
  const each = intervalsEach > 1 ? ` Each column is ${intervalsEach} intervals.` : "";
  const sections = [
    comparison ? comparisonSection(comparison) : "",
    `<section><h2>Exits per second by reason</h2><p class="hint">Values: pointer, or arrow keys on a chart.${each}</p>${keyOf(rates.map(({ name }) => name))}${stacked("rates", "Exits per second by reason, stacked", rates, times, figure)}</section>`,
    timed
      ? `<section><h2>Handling time in a second by reason, of all vCPUs</h2>${keyOf(costs.map(({ name }) => name))}${stacked("costs", "Handling time in a second by reason, stacked", costs, times, readable)}</section>`
      : "",
    timed
      ? `<section><h2>Handling times over time, without idle exits</h2>${heatMap("heat", moments, times)}</section>`
      : "",
    reasonTable(reasonsOf(run)),
    vmTable(run),
  ];
  const charts = {
    rates: wordsOf(rates, columns, figure),
    ...(timed ? { costs: wordsOf(costs, columns, readable), heat: heatWords(moments) } : {}),
  };
  const data = JSON.stringify({ times, frame: FRAME, charts }).replaceAll("<", "\\u003c");
  const policy = `default-src 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'`;
  const title = comparison ? "VM exits: before and after" : "VM exits";
  const head = headOf(title, before ? [before, run] : [run], before ? ["Before", "After, drawn below"] : []);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><main>${head}${sections.join("\n")}</main>
<script type="application/json" id="data">${data}</script><script>${SCRIPT}</script></body></html>
`;
}
