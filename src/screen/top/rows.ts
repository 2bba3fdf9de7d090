// SPDX-License-Identifier: MIT
// The rows of top's tables: what VMs, vCPUs, exit reasons and their details counted between two readings.
import type { Vm } from "../../host/vm";
import { detailOf, pickDetails } from "../../measure/details";
import type { Identity } from "../../measure/grouping";
import { percentileOf } from "../../measure/histogram";
import type { Reading } from "../../measure/reading";
import {
  type DetailSample,
  type Groups,
  type Sample,
  type Samples,
  add,
  addCounts,
  zero,
} from "../../measure/samples";
import { isIdle, reasonName } from "../../reasons";
import { titleOf } from "../../render/names";
import { type Clock, PARTS, type Part, elapsedNs, partNs } from "../../split/clock";
import type { SplitReading } from "../../split/reading";

/**
 * What a page shows, and of whom: all VMs, the vCPUs of one, reasons of all, of a VM or of a vCPU, a reason's details, or the
 * times of a reason or of one of its details.
 */
export interface View {
  readonly kind: "vms" | "vcpus" | "reasons" | "details" | "times";
  readonly vm?: Vm;
  /** The vCPU's key in a reading. */
  readonly vcpu?: string;
  /** The reason's key among samples; without one all. */
  readonly reason?: number;
  /** The detail's key among those of the reason; without one all. */
  readonly detail?: string;
  /** What it is called, for the line that says where the user is. */
  readonly title: string;
}

/** Which exits are shown. */
export interface Shown {
  readonly vm: (vm: Vm) => boolean;
  /** All if undefined. */
  readonly reason: ((name: string) => boolean) | undefined;
  /** Whether a detail in words is shown, of reasons whose page is looked at; all if undefined. */
  readonly detail: ((text: string) => boolean) | undefined;
  /** Whether a reason's number was asked for when the screen was started. */
  readonly wants: (reason: number) => boolean;
  /** Of reasons that were asked for by details alone: the numbers of these. */
  readonly picks: ReadonlyMap<number, ReadonlySet<number>>;
  readonly idle: boolean;
  /** Whether reasons have pages of details. */
  readonly details: boolean;
}

/** What happened in an interval: exits, and where vCPUs' time went if that is known. */
export interface Happened {
  readonly exits: Pick<Reading, "exits" | "vcpus">;
  readonly split: Pick<SplitReading, "clocks" | "vcpus"> | undefined;
}

type Levels = Pick<Sample, "l1" | "l2">;

/** A row: its counters are sums over samples. */
export class Row {
  readonly key: string;
  name: string;
  /** Where Enter leads; undefined: nowhere. */
  readonly into: View | undefined;
  readonly pid: number | undefined;
  count = 0;
  l2 = 0;
  timed = 0;
  totalNs = 0;
  maxNs = 0;
  readonly #vcpus = new Set<string>();
  readonly #levels: Levels[] = [];
  readonly #percentiles = new Map<number, number | undefined>();
  #elapsedNs = 0;
  readonly #partsNs: number[] = PARTS.map(() => 0);

  constructor(key: string, name: string, into?: View, pid?: number) {
    this.key = key;
    this.name = name;
    this.into = into;
    this.pid = pid;
  }

  /** How many vCPUs had exits or, where the split of time is known, were there. */
  get vcpus(): number {
    return this.#vcpus.size;
  }

  /** Adds the counters of a vCPU's sample. */
  add(vcpu: string, levels: Levels): void {
    const { l1, l2 } = levels;
    this.#vcpus.add(vcpu);
    this.#levels.push(levels);
    this.count += l1.count + l2.count;
    this.l2 += l2.count;
    this.timed += l1.timed + l2.timed;
    this.totalNs += l1.totalNs + l2.totalNs;
    this.maxNs = Math.max(this.maxNs, l1.maxNs, l2.maxNs);
  }

  /** Adds a vCPU's time. */
  addClock(vcpu: string, clock: Clock): void {
    this.#vcpus.add(vcpu);
    this.#elapsedNs += elapsedNs(clock);
    PARTS.forEach((part, at) => {
      this.#partsNs[at] = (this.#partsNs[at] ?? 0) + partNs(clock, part);
    });
  }

  /** The share of the vCPUs' time that a part took, from 0 to 1; undefined if it isn't known. */
  shareOf(part: Part): number | undefined {
    return this.#elapsedNs > 0 ? (this.#partsNs[PARTS.indexOf(part)] ?? 0) / this.#elapsedNs : undefined;
  }

  /** Average handling time in ns; undefined if no exit has one. */
  get averageNs(): number | undefined {
    return this.timed === 0 ? undefined : this.totalNs / this.timed;
  }

  /** How many handling times fell into each bucket. */
  get buckets(): readonly number[] {
    const sum: number[] = [];
    for (const { l1, l2 } of this.#levels) {
      addCounts(sum, l1.buckets);
      addCounts(sum, l2.buckets);
    }
    return sum;
  }

  /** A percentile in ns; undefined if there is none. Only asked of rows that are seen: buckets are added up for it. */
  percentileNs(fraction: number): number | undefined {
    if (!this.#percentiles.has(fraction))
      this.#percentiles.set(fraction, percentileOf({ buckets: this.buckets, maxNs: this.maxNs }, fraction));
    return this.#percentiles.get(fraction);
  }
}

/** The key of the row that has the sum of all others. */
export const ALL = "all";

function nameOf({ isa, reason }: Sample): string {
  return reasonName(isa, reason) ?? `UNKNOWN (${reason})`;
}

/** The vCPUs that a view is of. */
const placeOf = ({ vm, vcpu }: View) => ({ ...(vm ? { vm } : {}), ...(vcpu === undefined ? {} : { vcpu }) });

/** Whether a vCPU is one of a view's, and of those that are shown. */
function isShown(view: View, key: string, vm: Vm | undefined, shown: Shown): vm is Vm {
  if (!vm || !shown.vm(vm)) return false;
  if (view.vm && vmKey(view.vm) !== vmKey(vm)) return false;
  return view.vcpu === undefined || view.vcpu === key;
}

function vmKey({ pid, startNs }: Vm): string {
  return `${pid}:${startNs}`;
}

function rowOfVm(vm: Vm): Row {
  const into: View = { kind: "vcpus", vm, title: titleOf({ vm }) };
  return new Row(vmKey(vm), vm.name, into, vm.pid === 0 ? undefined : vm.pid);
}

function rowOfVcpu(key: string, { vm, ...part }: Identity): Row {
  const name = vm ? titleOf({ vm, ...part }).slice(titleOf({ vm }).length + 2) || "ended" : "";
  return new Row(key, name, { kind: "reasons", ...(vm ? { vm } : {}), vcpu: key, title: name });
}

function rowOfReason(view: View, key: number, sample: Sample, details: boolean): Row {
  const title = nameOf(sample);
  return new Row(String(key), title, {
    ...placeOf(view),
    kind: details ? "details" : "times",
    reason: key,
    title,
  });
}

function rowOfDetail(view: View, key: string, title: string): Row {
  return new Row(key, title, { ...view, kind: "times", detail: key, title });
}

function firstRow(view: View): Row {
  switch (view.kind) {
    case "vms":
      return new Row(ALL, "all VMs", { kind: "reasons", title: "all VMs" });
    case "vcpus":
      return new Row(ALL, "all vCPUs", { ...placeOf(view), kind: "reasons", title: "all vCPUs" });
    case "reasons":
      return new Row(ALL, "all reasons", { ...placeOf(view), kind: "times", title: "all reasons" });
    case "details":
      return new Row(ALL, `all ${view.title}`, { ...view, kind: "times", title: "times" });
    case "times":
      return new Row(ALL, view.title);
  }
}

/** What of a reason's sample a page of its details shows. */
function pickedOf(view: View, sample: Sample, shown: Shown): Sample | undefined {
  const { detail: wants } = shown;
  if (view.detail === undefined && wants === undefined) return sample;
  const picked = {
    ...sample,
    l1: zero(),
    l2: zero(),
    reflected: 0,
    details: new Map<string, DetailSample>(),
  };
  for (const [key, part] of sample.details ?? []) {
    if (view.detail !== undefined && view.detail !== key) continue;
    if (wants && !wants(detailOf(sample, key, part).text)) continue;
    add(picked.l1, part.l1);
    add(picked.l2, part.l2);
    picked.details.set(key, part);
  }
  return picked.details.size > 0 ? picked : undefined;
}

/** Hands on the samples of a reading that a view shows, vCPU by vCPU. */
function eachSample(
  view: View,
  { exits, vcpus }: Happened["exits"],
  shown: Shown,
  take: (vcpu: string, key: number, sample: Sample) => void,
): void {
  for (const [vcpu, samples] of exits) {
    if (!isShown(view, vcpu, vcpus.get(vcpu)?.vm, shown)) continue;
    for (const [key, sample] of pickDetails(samples, shown.picks)) {
      if (!shown.wants(sample.reason)) continue;
      if (view.reason !== undefined) {
        const picked = view.reason === key ? pickedOf(view, sample, shown) : undefined;
        if (picked) take(vcpu, key, picked);
      } else if (
        (shown.idle || !isIdle(sample.isa, sample.reason)) &&
        (shown.reason?.(nameOf(sample)) ?? true)
      )
        take(vcpu, key, sample);
    }
  }
}

/** The samples of a reading that a view shows: of each vCPU those of some reasons. */
export function samplesOf(view: View, exits: Happened["exits"], shown: Shown): Groups {
  const wanted: Groups = new Map<string, Samples>();
  eachSample(view, exits, shown, (vcpu, key, sample) => {
    let samples = wanted.get(vcpu);
    if (!samples) wanted.set(vcpu, (samples = new Map<number, Sample>()));
    samples.set(key, sample);
  });
  return wanted;
}

/** The clocks of a reading that a view shows. */
export function clocksOf(
  view: View,
  { clocks, vcpus }: NonNullable<Happened["split"]>,
  shown: Shown,
): Map<string, Clock> {
  return new Map([...clocks].filter(([key]) => isShown(view, key, vcpus.get(key)?.vm, shown)));
}

/** Rows by their keys, made when they are first asked for; the sum of all first. */
class Table {
  readonly all: Row;
  readonly #rows = new Map<string, Row>();

  constructor(all: Row) {
    this.all = all;
  }

  row(key: string, make: () => Row): Row {
    let row = this.#rows.get(key);
    if (!row) this.#rows.set(key, (row = make()));
    return row;
  }

  get rows(): Row[] {
    return [this.all, ...this.#rows.values()];
  }
}

/** The row of a vCPU in a view of VMs or vCPUs; undefined in others. */
function rowOf(table: Table, view: View, vcpu: string, identity: Identity): Row | undefined {
  const { vm } = identity;
  if (view.kind === "vms" && vm) return table.row(vmKey(vm), () => rowOfVm(vm));
  return view.kind === "vcpus" ? table.row(vcpu, () => rowOfVcpu(vcpu, identity)) : undefined;
}

/** Adds a reason's exits to its row, or to those of its details. */
function addReason(
  table: Table,
  view: View,
  vcpu: string,
  key: number,
  sample: Sample,
  details: boolean,
): void {
  if (view.kind === "reasons")
    table.row(String(key), () => rowOfReason(view, key, sample, details)).add(vcpu, sample);
  else if (view.kind === "details")
    for (const [name, part] of sample.details ?? [])
      table.row(name, () => rowOfDetail(view, name, detailOf(sample, name, part).text)).add(vcpu, part);
}

/** VMs of the same name are told apart by their pids. */
function nameApart(rows: readonly Row[]): void {
  const named = new Map<string, number>();
  for (const { name } of rows) named.set(name, (named.get(name) ?? 0) + 1);
  for (const row of rows)
    if (row.pid !== undefined && (named.get(row.name) ?? 0) > 1) row.name = `${row.name} (${row.pid})`;
}

/** The rows of a view, the sum of all first. */
export function rowsOf(view: View, { exits, split }: Happened, shown: Shown): Row[] {
  const table = new Table(firstRow(view));
  // The samples of a vCPU come one after the other.
  let [last, row]: [string | undefined, Row | undefined] = [undefined, undefined];
  eachSample(view, exits, shown, (vcpu, key, sample) => {
    if (vcpu !== last) row = rowOf(table, view, vcpu, exits.vcpus.get(vcpu) ?? {});
    last = vcpu;
    table.all.add(vcpu, sample);
    if (row) row.add(vcpu, sample);
    else addReason(table, view, vcpu, key, sample, shown.details);
  });
  if (split)
    for (const [vcpu, clock] of clocksOf(view, split, shown)) {
      table.all.addClock(vcpu, clock);
      rowOf(table, view, vcpu, split.vcpus.get(vcpu) ?? {})?.addClock(vcpu, clock);
    }
  const { rows } = table;
  if (view.kind === "vms") nameApart(rows);
  return rows;
}
