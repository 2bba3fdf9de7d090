// SPDX-License-Identifier: MIT
// A run, or two, as one page of HTML that loads nothing.
import { createHash } from "node:crypto";
import { timeStamp } from "../../local-time";
import type { Advice } from "../../advice";
import { lostLines } from "../../render/lost";
import { readable } from "../../render/units";
import type { Comparison } from "../compare";
import { clockRows, comparisonRows, hasNoExits } from "../comparison-lines";
import { escaped } from "../junit";
import type { Run } from "../run";
import { adviceSection } from "./advice";
import type { Drawn } from "./chart-section";
import { FRAME } from "./charts";
import { exitSections, vmmSections } from "./exits";
import { splitSections } from "./split";
import { SCRIPT, STYLE } from "./style";
import { type Cell, tableOf } from "./table";

function headOf(title: string, runs: readonly Run[], names: readonly string[]): string {
  const lines = runs.map((run, at) => {
    const { exits, vmm, split, abouts } = run;
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
    const spans = [
      { what: "exits", intervals: exits.intervals, ...exits.reading },
      { what: "exits to the VMM", intervals: vmm.intervals, ...vmm.reading },
      { what: "split of time", intervals: split.intervals, ...split.time, lost: split.lost },
    ].filter(({ intervals }) => intervals > 0);
    const lost = spans.flatMap((span) => (span.lost ? lostLines(span.lost) : ["Lost: unknown how much"]));
    const when = spans.map(
      ({ what, start, end, durationNs, intervals }) =>
        `${what}: ${timeStamp(start, true)} to ${timeStamp(end, true)}, ${intervals} intervals, ${readable(durationNs)}`,
    );
    return [
      `<p>${escaped([names[at], ...hosts, ...when, ...tools].filter((part) => part).join("; "))}</p>`,
      lost.length === 0
        ? "<p>Nothing was lost.</p>"
        : [...new Set(lost)].map((line) => `<p class="lost">${escaped(line)}</p>`).join(""),
    ].join("");
  });
  return `<h1>${escaped(title)}</h1>${lines.join("")}`;
}

/** A cell that is sorted by the number that it begins with. */
const sortable = (text: string): Cell => {
  const value = parseFloat(text);
  return Number.isNaN(value) ? [text] : [text, value];
};

function comparisonSections(comparison: Comparison): string {
  const differences = comparison.differences.map((line) => `<p class="lost">${escaped(line)}</p>`).join("");
  const clocks = clockRows(comparison);
  const time =
    clocks.rows.length === 0
      ? ""
      : tableOf(
          "clock-changes",
          "What changed in the time of vCPUs",
          clocks.headings,
          clocks.rows.map((row) => row.map((text): Cell => [text])),
          -1,
        );
  if (hasNoExits(comparison)) return differences + time;
  const { headings, rows } = comparisonRows(comparison, "us", true);
  const cells = rows.map((row) => row.map(sortable));
  const note = "<p>Times in us. ~: chance may have made it; =: the percentile is the same to an eighth.</p>";
  return differences + time + tableOf("changes", "What changed", headings, cells, -1) + note;
}

/** What a page is about. */
export interface PageInput {
  /** The run that is drawn: of two sides, that of after. */
  readonly run: Run;
  readonly before: Run | undefined;
  readonly comparison: Comparison | undefined;
  /** Whether the run has handling times. */
  readonly timed: boolean;
  /** Of the run that is drawn. */
  readonly advice: Advice | undefined;
}

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page, whole. Nothing in it loads anything, which its content security policy makes sure of. */
export function page({ run, before, comparison, timed, advice }: PageInput): string {
  const drawn: Drawn[] = [
    ...(run.split.intervals > 0 ? [splitSections(run)] : []),
    ...(run.exits.intervals > 0 ? [exitSections(run, timed)] : []),
    ...(run.vmm.intervals > 0 ? [vmmSections(run)] : []),
  ];
  const sections = [
    comparison ? comparisonSections(comparison) : "",
    advice ? adviceSection(advice) : "",
    ...drawn.flatMap(({ sections }) => sections),
  ];
  const charts = Object.assign({}, ...drawn.map(({ charts }) => charts)) as Drawn["charts"];
  const data = JSON.stringify({ frame: FRAME, charts }).replaceAll("<", "\\u003c");
  const policy = `default-src 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'`;
  const title = comparison ? "VM exits: before and after" : "VM exits";
  const head = headOf(title, before ? [before, run] : [run], before ? ["Before", "After, drawn below"] : []);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><main>${head}${sections.join("\n")}</main>
<script type="application/json" id="data">${data}</script><script>${SCRIPT}</script></body></html>
`;
}
