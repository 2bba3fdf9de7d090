// SPDX-License-Identifier: MIT
// The rows of top's tables: what VMs, vCPUs and exit reasons counted between two readings.
import type { Vm } from "../../host/vm";
import type { Identity } from "../../measure/grouping";
import { percentileOf } from "../../measure/histogram";
import type { Reading } from "../../measure/reading";
import { type Groups, type Sample, type Samples, add, zero } from "../../measure/samples";
import { isIdle, reasonName } from "../../reasons";
import { titleOf } from "../../render/names";

/** What a table lists: all VMs, the vCPUs of one, reasons of all, of a VM or of a vCPU, or one reason's times. */
export interface View {
  readonly kind: "vms" | "vcpus" | "reasons" | "reason";
  readonly vm?: Vm;
  /** The vCPU's key in a reading. */
  readonly vcpu?: string;
  /** The reason's key among samples; without one all. */
  readonly reason?: number;
  /** What it is called, for the line that says where the user is. */
  readonly title: string;
}

/** Which exits are shown. */
export interface Shown {
  readonly vm: (vm: Vm) => boolean;
  readonly reason: (name: string) => boolean;
  /** Whether a reason's number was asked for when the screen was started. */
  readonly wants: (reason: number) => boolean;
  readonly idle: boolean;
}

/** A row: its counters are sums over samples. */
export class Row {
  readonly key: string;
  readonly name: string;
  /** Where Enter leads; undefined: nowhere. */
  readonly into: View | undefined;
  readonly pid: number | undefined;
  /** How many vCPUs had exits. */
  vcpus = 0;
  count = 0;
  l2 = 0;
  timed = 0;
  totalNs = 0;
  maxNs = 0;
  readonly #samples: Sample[] = [];
  readonly #percentiles = new Map<number, number | undefined>();

  constructor(key: string, name: string, into?: View, pid?: number) {
    this.key = key;
    this.name = name;
    this.into = into;
    this.pid = pid;
  }

  /** Adds a sample's counters. */
  add(sample: Sample): void {
    this.#samples.push(sample);
    this.count += sample.l1.count + sample.l2.count;
    this.l2 += sample.l2.count;
    this.timed += sample.l1.timed + sample.l2.timed;
    this.totalNs += sample.l1.totalNs + sample.l2.totalNs;
    this.maxNs = Math.max(this.maxNs, sample.l1.maxNs, sample.l2.maxNs);
  }

  /** Average handling time in ns; undefined if no exit has one. */
  get averageNs(): number | undefined {
    return this.timed === 0 ? undefined : this.totalNs / this.timed;
  }

  /** How many handling times fell into each bucket. */
  get buckets(): readonly number[] {
    const sum = zero();
    for (const { l1, l2 } of this.#samples) {
      add(sum, l1);
      add(sum, l2);
    }
    return sum.buckets;
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

/** The view of everything that `view` shows, reasons apart. */
function reasonsOf({ vm, vcpu }: View, title: string): View {
  return { kind: "reasons", title, ...(vm ? { vm } : {}), ...(vcpu === undefined ? {} : { vcpu }) };
}

/** The key of the row that a sample of a vCPU belongs to. */
function rowKey(view: View, vcpu: string, { vm }: Identity, key: number): string {
  if (view.kind === "vms" && vm) return vmKey(vm);
  return view.kind === "vcpus" && vm ? vcpu : String(key);
}

/** That row, without its sums. */
function rowOf(view: View, vcpu: string, { vm, ...part }: Identity, sample: Sample, key: number): Row {
  if (view.kind === "vms" && vm) {
    const into: View = { kind: "vcpus", vm, title: titleOf({ vm }) };
    return new Row(vmKey(vm), vm.name, into, vm.pid === 0 ? undefined : vm.pid);
  }
  if (view.kind === "vcpus" && vm) {
    const name = titleOf({ vm, ...part }).slice(titleOf({ vm }).length + 2) || "ended";
    return new Row(vcpu, name, { kind: "reasons", vm, vcpu, title: name });
  }
  const name = nameOf(sample);
  const into: View = { ...reasonsOf(view, name), kind: "reason", reason: key };
  return new Row(String(key), name, into);
}

function vmKey({ pid, startNs }: Vm): string {
  return `${pid}:${startNs}`;
}

function firstRow(view: View): Row {
  if (view.kind === "vms") return new Row(ALL, "all VMs", { kind: "reasons", title: "all VMs" });
  if (view.kind === "vcpus") return new Row(ALL, "all vCPUs", reasonsOf(view, "all vCPUs"));
  const into: View = { ...reasonsOf(view, "all reasons"), kind: "reason" };
  return new Row(ALL, "all reasons", into);
}

/** The samples of a reading that a view shows: of each vCPU those of some reasons. */
export function samplesOf(
  view: View,
  { exits, vcpus }: Pick<Reading, "exits" | "vcpus">,
  shown: Shown,
): Groups {
  const wanted: Groups = new Map<string, Samples>();
  for (const [vcpu, samples] of exits) {
    const vm = vcpus.get(vcpu)?.vm;
    if (!vm || !shown.vm(vm)) continue;
    if (view.vm && vmKey(view.vm) !== vmKey(vm)) continue;
    if (view.vcpu !== undefined && view.vcpu !== vcpu) continue;
    const those = [...samples].filter(([key, sample]) => {
      if (!shown.wants(sample.reason)) return false;
      if (view.reason !== undefined) return view.reason === key;
      return (shown.idle || !isIdle(sample.isa, sample.reason)) && shown.reason(nameOf(sample));
    });
    if (those.length > 0) wanted.set(vcpu, new Map(those));
  }
  return wanted;
}

/** The rows of a view, the sum of all first. */
export function rowsOf(view: View, reading: Pick<Reading, "exits" | "vcpus">, shown: Shown): Row[] {
  const all = firstRow(view);
  const rows = new Map<string, Row>();
  for (const [vcpu, samples] of samplesOf(view, reading, shown)) {
    const identity = reading.vcpus.get(vcpu) ?? {};
    const counted = new Set<Row>([all]);
    for (const [key, sample] of samples) {
      const name = rowKey(view, vcpu, identity, key);
      let row = rows.get(name);
      if (!row) rows.set(name, (row = rowOf(view, vcpu, identity, sample, key)));
      counted.add(row);
      row.add(sample);
      all.add(sample);
    }
    for (const row of counted) row.vcpus++;
  }
  return [all, ...rows.values()];
}
