// SPDX-License-Identifier: MIT
// The table of where vCPUs' time went, a row for each vCPU or VM.
import { vmDisplayNames } from "../host/vm";
import { percentileOf } from "../measure/histogram";
import { OTHERS_VM } from "../measure/roster";
import { type Activity, type Clock, type Maximum, PARTS, type Part, elapsedNs, partNs } from "../split/clock";
import type { SplitGroup } from "../split/groups";
import { type SplitSort, rankedGroups } from "../split/ranking";
import { safeText } from "../text";
import { cellsOf } from "./cells";
import { type Column, TERMINAL, beside, fittingTable, table } from "./table";
import { type Unit, grouped, inUnit } from "./units";

/** Each part: its heading, and its character in a bar. */
const SHOWN: Readonly<Record<Part, readonly [heading: string, mark: string]>> = {
  guest: ["guest", "G"],
  kvm: ["KVM", "K"],
  vmm: ["VMM", "V"],
  poll: ["poll", "P"],
  idle: ["idle", "."],
  waiting: ["waiting", "W"],
};

const LEGEND = PARTS.map((part) => `${SHOWN[part][1]} ${SHOWN[part][0]}`).join(", ");
const LEAST_BAR = 20;
const MOST_BAR = 60;

/** How a table of clocks is printed. */
export interface SplitTable {
  /** The interval's length. */
  readonly durationNs: number;
  readonly wide: boolean;
  readonly unit: Unit;
  readonly heading: boolean;
  /** Columns of the terminal; undefined where there is none. */
  readonly room: number | undefined;
  readonly sort: SplitSort;
  /** How many rows there are at most; all if undefined. */
  readonly top: number | undefined;
}

function percent(ns: number, clock: Clock): string {
  const all = elapsedNs(clock);
  return all > 0 ? `${((100 * ns) / all).toFixed(1)}%` : "-";
}

function perSecond(count: number, durationNs: number): string {
  return grouped(durationNs > 0 ? (count / durationNs) * 1e9 : 0);
}

interface Cell {
  readonly heading: string;
  /** Its values are times, in the table's unit. */
  readonly isTime?: true;
  readonly width: number;
  readonly text: (clock: Clock, table: SplitTable) => string;
}

const part = (of: Part): Cell => ({
  heading: SHOWN[of][0],
  width: 7,
  text: (clock) => percent(partNs(clock, of), clock),
});
const activity = (heading: string, of: Activity): Cell => ({
  heading,
  width: 7,
  text: (clock) => percent(clock.ns[of], clock),
});
const rate = (heading: string, of: "exits" | "wakeups"): Cell => ({
  heading,
  width: 9,
  text: (clock, { durationNs }) => perSecond(clock.counts[of], durationNs),
});
const longest = (heading: string, of: Maximum): Cell => ({
  heading,
  isTime: true,
  width: 8,
  text: ({ maxima }, { unit }) => inUnit(maxima[of], unit),
});
const percentile = (heading: string, fraction: number): Cell => ({
  heading,
  isTime: true,
  width: 8,
  text: ({ waits, maxima }, { unit }) => {
    const ns = percentileOf({ buckets: waits, maxNs: maxima.maxWaitNs }, fraction);
    return ns === undefined ? "-" : inUnit(ns, unit);
  },
});

const CELLS: readonly Cell[] = [...PARTS.map(part), rate("exits/s", "exits")];

// The first goes last where there is no room.
const WIDE: readonly Cell[] = [
  activity("L2", "guestL2"),
  activity("asleep", "kvmAsleep"),
  activity("poll ok", "pollSuccess"),
  activity("poll fail", "pollFail"),
  activity("VMM wait", "vmmWaiting"),
  rate("wakeups/s", "wakeups"),
  { heading: "CPU moves", width: 9, text: ({ counts }) => String(counts.migrations) },
  longest("idle max", "maxIdleNs"),
  longest("wait max", "maxWaitNs"),
  percentile("wait P50", 0.5),
  percentile("wait P99", 0.99),
  percentile("wait P99.9", 0.999),
];
// What matters most of these; what isn't here goes first.
const RANKS = ["wait max", "wait P99", "VMM wait", "asleep", "poll ok", "poll fail", "L2"];

/** A clock's parts as a line of `width` characters, each as long as its share. */
export function bar(clock: Clock, width: number): string {
  const all = elapsedNs(clock);
  let [sum, line] = [0, ""];
  for (const part of PARTS) {
    sum += partNs(clock, part);
    line = line.padEnd(all === 0 ? 0 : Math.round((sum / all) * width), SHOWN[part][1]);
  }
  return line;
}

/** Whose row it is: VM and vCPU. */
function whose({ vm, vcpu, tid }: SplitGroup, names: ReadonlyMap<unknown, string>): [string, string] {
  if (!vm) return ["all", ""];
  if (vm === OTHERS_VM) return ["ended earlier", ""];
  return [safeText(names.get(vm) ?? vm.name), vcpu !== undefined ? String(vcpu) : tid ? `t${tid}` : ""];
}

function columnOf({ heading, isTime, width }: Cell, unit: Unit, at: number): Column {
  const rank = RANKS.length - RANKS.indexOf(heading);
  const name = isTime ? `${heading} ${unit}` : heading;
  return {
    heading: name,
    align: "right",
    width,
    ...(at < CELLS.length ? {} : { rank: RANKS.includes(heading) ? rank : 0 }),
  };
}

/** Lines of the table; with a bar at each row where there is room. A wide one leaves out columns where there is none. */
export function splitTable(groups: readonly SplitGroup[], how: SplitTable): string[] {
  const { heading, unit, wide } = how;
  const { shown, others } = rankedGroups(groups, how.sort, how.top);
  const cells = wide ? [...CELLS, ...WIDE] : CELLS;
  const vms = [...new Set(shown.flatMap(({ vm }) => (vm ? [vm] : [])))];
  const displayed = vmDisplayNames(vms);
  const names = new Map(vms.map((vm, i) => [vm, displayed[i] ?? vm.name]));
  const columns: readonly Column[] = [
    { heading: "VM", align: "left", width: 15, least: 8 },
    { heading: "vCPU", align: "right", width: 4 },
    ...cells.map((cell, at) => columnOf(cell, unit, at)),
  ];
  const clocks = [...shown.map(({ clock }) => clock), ...(others ? [others.clock] : [])];
  const named = [
    ...shown.map((group) => whose(group, names)),
    ...(others ? [[`${others.rows} others`, ""]] : []),
  ];
  const rows = clocks.map((clock, i) => [...(named[i] ?? []), ...cells.map(({ text }) => text(clock, how))]);
  const lines = wide
    ? fittingTable(columns, rows, heading, how.room)
    : table(columns, rows, heading, how.room ?? TERMINAL);
  const width = Math.max(0, ...lines.map((line) => cellsOf(line).length));
  const left = Math.min(MOST_BAR, (how.room ?? 0) - width - 2);
  if (left < LEAST_BAR) return lines;
  const bars = clocks.map((clock) => bar(clock, left));
  return beside(lines, heading ? [LEGEND.length <= left ? LEGEND : "", ...bars] : bars);
}
