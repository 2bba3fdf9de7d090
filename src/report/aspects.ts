// SPDX-License-Identifier: MIT
// How runs came about: what differs between two sides, and what isn't the same within one run.
import type { About, AskedFor } from "../measure/lines";
import { quoted, safeText } from "../text";
import { type ExitSum, TOLD } from "./exit-sum";
import type { Run } from "./run";

/** The filters and what else changes the numbers, as users write them; "" without any. */
export function askedText({ pids, vm, vcpus, reasons, excludes, idle = "show", net }: AskedFor): string {
  return [
    ...(pids ? [`--pid ${pids.join()}`] : []),
    ...(vm === undefined ? [] : [`--vm ${quoted(vm)}`]),
    ...(vcpus ? [`--vcpu ${vcpus.join()}`] : []),
    ...(reasons === undefined ? [] : [`--reasons ${reasons}`]),
    ...(excludes === undefined ? [] : [`--excludes ${excludes}`]),
    ...(idle === "show" ? [] : [`--idle ${idle}`]),
    ...(net === true ? ["--net"] : []),
  ].join(" ");
}

type Aspect = readonly [what: string, of: (about: About) => unknown];

const OF_HOST: readonly Aspect[] = [
  ["processor", ({ host }) => host?.processor],
  ["machine", ({ host }) => host?.machine],
  ["kernel", ({ host }) => host?.kernel],
  ["instruction set", ({ host }) => host?.isa],
  ["halt_poll_ns", ({ host }) => host?.haltPollNs],
  ["APIC virtualisation", ({ host }) => host?.apicVirtualised],
  ["isolated CPUs", ({ host }) => host && (host.isolatedCpus ?? "none")],
];

/** What the lines of one tool have in common. */
const OF_TOOL: readonly Aspect[] = [
  ["way to attach", ({ host }) => host?.attach],
  ["version of the tool", ({ version }) => version],
  ["filters", ({ options }) => askedText(options) || "none"],
];

/** The values of an aspect, of lines that tell it. */
function valuesOf(abouts: readonly About[], of: Aspect[1]): Set<string> {
  const values = abouts.map(of).filter((value) => value !== undefined && value !== "");
  return new Set(values.map((value) => safeText(typeof value === "string" ? value : JSON.stringify(value))));
}

function listed(values: ReadonlySet<string>): string {
  return values.size === 0 ? "unknown" : [...values].join(" and ");
}

/** What the lines of the two sides say differently about how they came about. */
export function differencesOf(before: readonly Run[], after: readonly Run[]): string[] {
  const [earlier, later] = [before, after].map((runs) => runs.flatMap(({ abouts }) => abouts)) as [
    About[],
    About[],
  ];
  return [...OF_HOST, ...OF_TOOL].flatMap(([what, of]) => {
    const [a, b] = [listed(valuesOf(earlier, of)), listed(valuesOf(later, of))];
    return a === b ? [] : [`Differs: ${what}: ${a} before, ${b} after`];
  });
}

const NAMES: Readonly<Record<(typeof TOLD)[number], string>> = {
  timed: "times",
  histograms: "histograms, of which percentiles are",
  details: "details",
  vms: "names of VMs",
};

/** What only some of the lines have that are added up. */
function partsOf({ told }: ExitSum): string[] {
  return TOLD.flatMap((what) => {
    const { with: some, without } = told[what];
    return some > 0 && without > 0
      ? [`only ${some} of ${some + without} intervals with exits have ${NAMES[what]}`]
      : [];
  });
}

/** What isn't the same in all lines of a run, which adds them up. */
export function mixturesOf({ abouts, exits, vmm }: Run): string[] {
  const byTool = new Map<string, About[]>();
  for (const about of abouts) byTool.set(about.tool, [...(byTool.get(about.tool) ?? []), about]);
  const mixed = (some: readonly About[], [what, of]: Aspect) => {
    const values = valuesOf(some, of);
    return values.size > 1 ? [`lines differ in their ${what}: ${listed(values)}`] : [];
  };
  return [
    ...OF_HOST.flatMap((aspect) => mixed(abouts, aspect)),
    ...OF_TOOL.flatMap((aspect) => [...byTool.values()].flatMap((some) => mixed(some, aspect))),
    ...[exits, vmm].flatMap(partsOf),
  ];
}

/** What some runs have that others haven't, so that it isn't compared. */
export function lacksOf(runs: readonly Run[]): string[] {
  return (["timed", "histograms", "details"] as const).flatMap((what) => {
    const withExits = runs.filter(({ judged: { told } }) => told[what].with + told[what].without > 0);
    const lacking = withExits.filter(({ judged: { told } }) => told[what].with === 0);
    if (lacking.length === 0 || lacking.length === withExits.length) return [];
    return [
      `Not compared: ${NAMES[what]}, which weren't saved in ${lacking.map(({ name }) => name).join(", ")}`,
    ];
  });
}
