// The table of where vCPUs' time went, a row for each vCPU or VM.
import { vmDisplayNames } from "../host/vm";
import { percentileOf } from "../measure/histogram";
import { OTHERS_VM } from "../measure/roster";
import { type Activity, type Clock, PARTS, type Part, elapsedNs, partNs } from "../split/clock";
import type { SplitGroup } from "../split/groups";
import { safeText } from "../text";
import { type Column, TERMINAL, table } from "./table";
import { type Unit, inUnit } from "./units";

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
}

function percent(ns: number, clock: Clock): string {
  const all = elapsedNs(clock);
  return all > 0 ? `${((100 * ns) / all).toFixed(1)}%` : "-";
}

function perSecond(count: number, durationNs: number): string {
  const rate = durationNs > 0 ? (count / durationNs) * 1e9 : 0;
  return rate.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");
}

type Cell = readonly [heading: string, width: number, text: (clock: Clock, table: SplitTable) => string];

const part = (of: Part): Cell => [SHOWN[of][0], 7, (clock) => percent(partNs(clock, of), clock)];
const activity = (heading: string, of: Activity): Cell => [
  heading,
  7,
  (clock) => percent(clock.ns[of], clock),
];
const rate = (heading: string, of: "exits" | "wakeups"): Cell => [
  heading,
  9,
  (clock, { durationNs }) => perSecond(clock.counts[of], durationNs),
];
const percentile = (heading: string, fraction: number): Cell => [
  heading,
  8,
  ({ waits, maxima }, { unit }) => {
    const ns = percentileOf({ buckets: waits, maxNs: maxima.maxWaitNs }, fraction);
    return ns === undefined ? "-" : inUnit(ns, unit);
  },
];

const CELLS: readonly Cell[] = [...PARTS.map(part), rate("exits/s", "exits")];

const WIDE: readonly Cell[] = [
  activity("L2", "guestL2"),
  activity("asleep", "kvmAsleep"),
  activity("poll ok", "pollSuccess"),
  activity("VMM wait", "vmmWaiting"),
  rate("wakeups/s", "wakeups"),
  ["CPU moves", 9, ({ counts }) => String(counts.migrations)],
  ["idle max", 8, ({ maxima }, { unit }) => inUnit(maxima.maxIdleNs, unit)],
  ["wait max", 8, ({ maxima }, { unit }) => inUnit(maxima.maxWaitNs, unit)],
  percentile("wait P50", 0.5),
  percentile("P99", 0.99),
  percentile("P99.9", 0.999),
];

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

/** Lines of the table; with a bar at each row where there is room. */
export function splitTable(groups: readonly SplitGroup[], how: SplitTable): string[] {
  const cells = how.wide ? [...CELLS, ...WIDE] : CELLS;
  const vms = [...new Set(groups.flatMap(({ vm }) => (vm ? [vm] : [])))];
  const shown = vmDisplayNames(vms);
  const names = new Map(vms.map((vm, i) => [vm, shown[i] ?? vm.name]));
  const columns: readonly Column[] = [
    { heading: "VM", align: "left", width: 15, least: 8 },
    { heading: "vCPU", align: "right", width: 4 },
    ...cells.map(([heading, width]): Column => ({ heading, align: "right", width })),
  ];
  const rows = groups.map((group) => [
    ...whose(group, names),
    ...cells.map(([, , text]) => text(group.clock, how)),
  ]);
  const lines = table(columns, rows, how.heading, how.wide ? Infinity : (how.room ?? TERMINAL));
  const width = Math.max(0, ...lines.map((line) => line.length));
  const left = Math.min(MOST_BAR, (how.room ?? 0) - width - 2);
  if (left < LEAST_BAR) return lines;
  const bars = [
    ...(how.heading ? [LEGEND.length <= left ? LEGEND : ""] : []),
    ...groups.map(({ clock }) => bar(clock, left)),
  ];
  return lines.map((line, i) => `${line.padEnd(width)}  ${bars[i] ?? ""}`.trimEnd());
}
