// SPDX-License-Identifier: MIT
// A run, or two, as one page of HTML that loads nothing.
import { createHash } from "node:crypto";
import { timeStamp } from "../../local-time";
import type { Advice } from "../../advice";
import { lostLines } from "../../render/lost";
import { readable } from "../../render/units";
import { inputName } from "../../text";
import type { AskedFor } from "../../measure/lines";
import { askedText } from "../aspects";
import type { Comparison } from "../compare";
import { escaped } from "../junit";
import type { Run } from "../run";
import { adviceSection } from "./advice";
import { isTimed } from "../exit-sum";
import type { Drawn } from "./chart-section";
import { FRAME } from "./charts";
import { comparisonSections } from "./comparison";
import { ALONE, type Palette, type Place, exitSections, paletteOf, vmmSections } from "./exits";
import { shortName } from "./file-names";
import { splitSections } from "./split";
import { SCRIPT, STYLE } from "./style";

/** A side of a page: one run, or what is compared. */
interface Side {
  /** "" where there is only one. */
  readonly name: string;
  readonly runs: readonly Run[];
}

function hostsOf(runs: readonly Run[]): string[] {
  const hosts = runs.flatMap(({ abouts }) =>
    abouts.map(({ host }) =>
      host
        ? [host.processor || host.machine, `Linux ${host.kernel}`, host.isa, `attached ${host.attach}`].join(
            ", ",
          )
        : "unknown",
    ),
  );
  return [...new Set(hosts)];
}

/** When a run was, and what it lost. */
function timesOfRun({ exits, vmm, split }: Run): { times: string[]; lost: string[] } {
  const spans = [
    { what: "exits", ...exits.time, intervals: exits.intervals, lost: exits.reading.lost },
    { what: "exits to the VMM", ...vmm.time, intervals: vmm.intervals, lost: vmm.reading.lost },
    { what: "split of time", ...split.time, intervals: split.intervals, lost: split.lost },
  ].filter(({ intervals }) => intervals > 0);
  return {
    times: spans.map(
      ({ what, start, end, durationNs, intervals }) =>
        `${timeStamp(start, true)} to ${timeStamp(end, true)}: ${what}, ${intervals} ${intervals === 1 ? "interval" : "intervals"}, ${readable(durationNs)}`,
    ),
    lost: spans.flatMap(({ lost }) => (lost ? lostLines(lost) : ["Lost: unknown how much"])),
  };
}

/** The names of a run's files. @param all files of the page */
function namesOf({ files }: Run, all: ReadonlySet<string>): string {
  return files.map((path) => nameOf(path, all)).join(", ");
}

function nameOf(path: string, all: ReadonlySet<string>): string {
  return path === "-" ? inputName(path) : shortName(path, all);
}

/** What is missing of a run's files, called by their names on the page. */
function notesOf({ files, notes }: Run, all: ReadonlySet<string>): string[] {
  return notes.map((note) =>
    files.reduce((text, path) => text.replaceAll(inputName(path), () => nameOf(path, all)), note),
  );
}

/** Which exits are looked at: of those that were saved, and of these. */
function filtersOf(runs: readonly Run[], asked: AskedFor): string[] {
  const saved = runs.flatMap(({ abouts }) => abouts.map(({ options }) => askedText(options)));
  return [
    ...new Set([...saved.map((text) => text && `${text}, when it was saved`), askedText(asked)]),
  ].filter((text) => text !== "");
}

function factsOf({ name, runs }: Side, asked: AskedFor, all: ReadonlySet<string>): string {
  const tools = runs.flatMap(({ abouts }) => abouts.map(({ tool, version }) => `${tool} ${version}`.trim()));
  const told = runs.map((run) => ({ run, ...timesOfRun(run) }));
  const items: [string, readonly string[]][] = [
    ["Host", hostsOf(runs)],
    ...told.map(({ run, times }): [string, string[]] => [namesOf(run, all), times]),
    ["Saved by", [...new Set(tools)]],
    ["Filters", filtersOf(runs, asked)],
  ];
  const shown = items.filter(([, texts]) => texts.length > 0);
  const list = shown.map(([what, texts]) => {
    const each = texts.map((text) => `<dd>${escaped(text)}</dd>`);
    return `<dt>${escaped(what)}</dt>${each.join("")}`;
  });
  const wrong = told.flatMap(({ run, lost }) =>
    [...lost, ...notesOf(run, all), ...run.oddities].map((line) =>
      runs.length > 1 ? `${namesOf(run, all)}: ${line}` : line,
    ),
  );
  const losses =
    wrong.length === 0
      ? "<p>Nothing was lost.</p>"
      : [...new Set(wrong)].map((line) => `<p class="lost">${escaped(line)}</p>`).join("");
  const heading = name === "" ? "" : `<h2>${name}</h2>`;
  return `<section class="facts">${heading}<dl>${list.join("")}</dl>${losses}</section>`;
}

/** What a page is about. */
export interface PageInput {
  /** What is drawn, or compared as what is after. */
  readonly runs: readonly Run[];
  /** What it is compared with. */
  readonly before: readonly Run[] | undefined;
  readonly comparison: Comparison | undefined;
  /** Filters with which the files were read. */
  readonly asked: AskedFor;
  /** Of `runs`. */
  readonly advice: Advice | undefined;
}

type Draw = (run: Run, palette: Palette, place: Place) => Drawn;

/** What runs can have, and how it is drawn: of all runs as many sections, one for the other, of which some may be empty. */
const DRAWN: readonly (readonly [part: "split" | "exits" | "vmm", draw: Draw])[] = [
  ["split", (run, _, place) => splitSections(run, place)],
  ["exits", (run, palette, place) => exitSections(run, isTimed(run.exits), palette, place)],
  ["vmm", (run, _, place) => vmmSections(run, place)],
];

/** The same section of one run after that of the other. */
function alternating(drawn: readonly Drawn[]): Drawn {
  const places = Math.max(0, ...drawn.map(({ sections }) => sections.length));
  const at = (place: number) => drawn.map(({ sections }) => sections[place] ?? "");
  return {
    sections: Array.from({ length: places }, (_, place) => at(place)).flat(),
    charts: Object.assign({}, ...drawn.map(({ charts }) => charts)) as Drawn["charts"],
  };
}

/** The sections of both sides, each beside its other, where a side is one run. */
function drawnOf(sides: readonly Side[]): Drawn[] {
  if (sides.some(({ runs }) => runs.length > 1)) {
    const text =
      "Charts over time and tables of VMs are of one run a side: give one file before and one after.";
    return [{ sections: [`<p>${text}</p>`], charts: {} }];
  }
  const runs = sides.flatMap((side) => side.runs);
  const palette = paletteOf(
    runs,
    runs.some((run) => isTimed(run.exits)),
  );
  const placeOf = (name: string): Place =>
    name === "" ? ALONE : { id: `-${name.toLowerCase()}`, title: `${name}: ` };
  return DRAWN.map(([part, draw]) =>
    alternating(
      sides.flatMap(({ name, runs: [run] }) =>
        run && run[part].intervals > 0 ? [draw(run, palette, placeOf(name))] : [],
      ),
    ),
  );
}

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page, whole. Nothing in it loads anything, which its content security policy makes sure of. */
export function page({ runs, before, comparison, asked, advice }: PageInput): string {
  const sides: Side[] = before
    ? [
        { name: "Before", runs: before },
        { name: "After", runs },
      ]
    : [{ name: "", runs }];
  const drawn = drawnOf(sides);
  const files = new Set(sides.flatMap((side) => side.runs.flatMap((run) => run.files)));
  const sections = [
    ...(comparison
      ? comparisonSections(
          comparison,
          sides.some((side) => side.runs.length > 1),
        )
      : []),
    advice ? adviceSection(advice, before ? "Advice on what is after" : "Advice") : "",
    ...drawn.flatMap((each) => each.sections),
  ];
  const charts = Object.assign({}, ...drawn.map(({ charts }) => charts)) as Drawn["charts"];
  const data = JSON.stringify({ frame: FRAME, charts }).replaceAll("<", "\\u003c");
  const policy = `default-src 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'`;
  const title = comparison ? "VM exits: before and after" : "VM exits";
  const head = `<h1>${title}</h1>${sides.map((side) => factsOf(side, asked, files)).join("")}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><main>${head}${sections.join("\n")}</main>
<script type="application/json" id="data">${data}</script><script>${SCRIPT}</script></body></html>
`;
}
