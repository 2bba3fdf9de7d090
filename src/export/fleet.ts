// SPDX-License-Identifier: MIT
// The VMs of a host, each with series of its own while there is room, and what they counted: never less than before.
import type { Vm } from "../host/vm";
import type { Snapshot } from "../native/vmexit";
import { safeText } from "../text";
import { BUCKET_COUNT, BUCKET_OF } from "./bounds";
import { Labels } from "./family";
import { Pool, type Row, Rows, type Sums, rowKey } from "./sums";

/** What there are histograms of. */
export const HISTOGRAMS = ["host", "vm", "none"] as const;
export type Histograms = (typeof HISTOGRAMS)[number];

/** The label of VMs that are counted together. */
export const OTHER = "other";

/** Who knows VMs. */
export interface Names {
  of(pid: number, startNs: number, comm: string): Vm;
  /** Whether the process of a VM is still there. */
  runs(vm: Vm): boolean;
}

export interface FleetOptions {
  readonly histograms: Histograms;
  /** How many series there are at most, of this host and of its VMs: MIN_SERIES at least. */
  readonly maxSeries: number;
}

/** What was counted up to a snapshot. */
export interface Counted {
  /** Of VMs, and of those that are counted together. */
  readonly rows: readonly Row[];
  /** By reason and level, of all VMs; only where histograms are the host's. */
  readonly hostRows: readonly Row[];
  /** Labels that say who the VMs are which have series of their own. */
  readonly vms: readonly Labels[];
  /** How many VMs there are that are counted together. */
  readonly others: number;
  /** How many vCPUs there are. */
  readonly vcpus: number;
}

// Exits, seconds, timed exits.
const COUNTERS = 3;
// Its buckets, sum and count.
const HISTOGRAM = BUCKET_COUNT + 2;
/** What a VM is sure to have: as many reasons, at one or two levels, as are seen of a busy one. */
const ROWS_OF_VM = 40;
/** What the host's sums, and the VMs that are counted together, are sure to have. */
const ROWS_OF_ALL = 64;
/** Of families that don't grow with VMs: losses, programs, this process. */
const FIXED = 200;

/** The fewest series that hold what doesn't belong to a VM. */
export const MIN_SERIES = FIXED + ROWS_OF_ALL * (2 * COUNTERS + 2 * HISTOGRAM);

// Names are chosen by others. Longer ones than VM managers allow are cut.
const MAX_NAME = 128;
// A scraper that hasn't asked for so long isn't waited for.
const SCRAPER_MS = 300_000;
const MAX_SCRAPERS = 16;

function labelText(name: string): string {
  // Not by UTF-16 units, which could cut a character in two; half a character becomes U+FFFD.
  return Buffer.from(Array.from(safeText(name)).slice(0, MAX_NAME).join("")).toString();
}

/** A VM with series of its own. */
interface Own {
  readonly label: string;
  readonly rows: Rows;
  info: Labels;
  /** Its process has ended: it leaves when each scraper has seen it once more. */
  ended: boolean;
  readonly seenBy: Set<string>;
}

/** A process that runs a VM. */
interface Process {
  readonly vm: Vm;
  /** Undefined: it is counted together with others. */
  readonly own: Own | undefined;
  readonly rows: Rows;
  live: boolean;
}

/** Adds up snapshots of a session by VM. */
export class Fleet {
  readonly #names: Names;
  readonly #histograms: Histograms;
  readonly #pool: Pool;
  readonly #own = new Map<string, Own>();
  readonly #processes = new Map<string, Process>();
  readonly #others: Rows;
  readonly #host: Rows | undefined;
  /** When each scraper was last there. */
  readonly #scrapers = new Map<string, number>();
  readonly #series: number;
  #before: number;

  /** @param now in ms since 1970, as in all calls */
  constructor(names: Names, { histograms, maxSeries }: FleetOptions, now: number) {
    this.#names = names;
    this.#histograms = histograms;
    this.#before = now;
    this.#series = COUNTERS + (histograms === "vm" ? HISTOGRAM : 0);
    const hostSeries = histograms === "host" ? HISTOGRAM : 0;
    this.#pool = new Pool(maxSeries - FIXED - ROWS_OF_ALL * (this.#series + hostSeries));
    this.#others = this.#rows([["vm", OTHER]], ROWS_OF_ALL);
    if (histograms === "host")
      this.#host = new Rows({
        labels: [],
        histogram: true,
        pool: this.#pool,
        series: HISTOGRAM,
        room: ROWS_OF_ALL,
      });
  }

  /**
   * Takes in what ended, which no later snapshot has.
   * @returns whether a vCPU ended or a VM is new
   */
  look(snapshot: Snapshot, now: number): boolean {
    const known = this.#processes.size;
    const processes = this.#processesOf(snapshot);
    const isNew = this.#processes.size > known;
    this.#add(snapshot, processes, 1);
    this.#settle();
    this.#before = now;
    return isNew || snapshot.vcpus.ended.includes(1);
  }

  /** What was counted. @param scraper who asks: a VM that ended leaves once each scraper has seen it */
  read(snapshot: Snapshot, scraper: string, now: number): Counted {
    const processes = this.#processesOf(snapshot);
    this.#add(snapshot, processes, 1);
    this.#settle();
    for (const row of this.#allRows()) row.all.set(row.kept);
    this.#add(snapshot, processes, 0);
    this.#before = now;
    const counted = {
      rows: [...this.#vmRows()],
      hostRows: [...(this.#host?.values() ?? [])],
      vms: Array.from(this.#own.values(), ({ info }) => info),
      others: [...this.#processes.values()].filter(({ own }) => !own).length,
      vcpus: snapshot.vcpus.ended.reduce((count, ended) => count + (ended ? 0 : 1), 0),
    };
    this.#seen(scraper, now);
    return counted;
  }

  *#vmRows(): Iterable<Row> {
    for (const { rows } of this.#own.values()) yield* rows.values();
    yield* this.#others.values();
  }

  *#allRows(): Iterable<Row> {
    yield* this.#vmRows();
    if (this.#host) yield* this.#host.values();
  }

  #rows(labels: readonly (readonly [string, string])[], room: number, spill?: Rows): Rows {
    return new Rows({
      labels,
      histogram: this.#histograms === "vm",
      pool: this.#pool,
      series: this.#series,
      room,
      ...(spill ? { spill } : {}),
    });
  }

  /** The process of each row of `vcpus`. */
  #processesOf({ vcpus }: Snapshot): Process[] {
    for (const process of this.#processes.values()) process.live = false;
    return Array.from(vcpus.tgid, (pid, row) => {
      const startNs = vcpus.startNs[row] ?? 0;
      const key = `${pid} ${startNs}`;
      let process = this.#processes.get(key);
      if (!process)
        this.#processes.set(
          key,
          (process = this.#admit(this.#names.of(pid, startNs, vcpus.comm[row] ?? ""))),
        );
      if (!vcpus.ended[row]) process.live = true;
      return process;
    });
  }

  /** A process that wasn't seen before. */
  #admit(vm: Vm): Process {
    const name = labelText(vm.name);
    const isNamed = vm.source !== "process" && vm.source !== "ended" && name !== OTHER;
    const holder = isNamed ? this.#own.get(name) : undefined;
    const label = isNamed && holder?.ended !== false ? name : `${name} (${vm.pid})`;
    const info = this.#infoOf(vm, label);
    const before = this.#own.get(label);
    if (before) {
      // It started again under its name: its series go on.
      Object.assign(before, { ended: false, info });
      before.seenBy.clear();
      return { vm, own: before, rows: before.rows, live: false };
    }
    if (!this.#makeRoom()) return { vm, own: undefined, rows: this.#others, live: false };
    const rows = this.#rows([["vm", label]], ROWS_OF_VM, this.#others);
    const own: Own = { label, rows, info, ended: false, seenBy: new Set() };
    this.#own.set(label, own);
    return { vm, own, rows, live: false };
  }

  #infoOf({ name, pid, uuid, source }: Vm, label: string): Labels {
    const labels = { vm: label, name: labelText(name), pid: String(pid), ...(uuid ? { uuid } : {}), source };
    return new Labels(Object.entries(labels), this.#before);
  }

  /** Takes the room of a VM, in the place of some that ended if need be. */
  #makeRoom(): boolean {
    const series = ROWS_OF_VM * this.#series + 1;
    if (this.#pool.take(series)) return true;
    for (const own of this.#own.values()) {
      if (!own.ended) continue;
      this.#leave(own);
      if (this.#pool.take(series)) return true;
    }
    return false;
  }

  #leave(own: Own): void {
    own.rows.release();
    this.#pool.give(1);
    this.#own.delete(own.label);
  }

  /** Finds the VMs that ended: those without vCPUs whose process has gone. */
  #settle(): void {
    for (const [key, { vm, own, live }] of this.#processes) {
      if (live || this.#names.runs(vm)) continue;
      this.#processes.delete(key);
      if (own) own.ended = true;
    }
  }

  #seen(scraper: string, now: number): void {
    this.#scrapers.delete(scraper);
    this.#scrapers.set(scraper, now);
    for (const [known, at] of this.#scrapers)
      if (now - at > SCRAPER_MS || this.#scrapers.size > MAX_SCRAPERS) this.#scrapers.delete(known);
    for (const own of this.#own.values()) {
      if (!own.ended) continue;
      own.seenBy.add(scraper);
      if ([...this.#scrapers.keys()].every((known) => own.seenBy.has(known))) this.#leave(own);
    }
  }

  /** Adds up the vCPUs that live, or those that ended, whose counters are kept. */
  #add({ vcpus, slots, buckets }: Snapshot, processes: readonly Process[], ended: 0 | 1): void {
    const pick = (row: Row): Sums => (ended ? row.kept : row.all);
    const distributions: (Float64Array | undefined)[] = [];
    for (let slot = 0; slot < slots.vcpu.length; slot++) {
      const vcpu = slots.vcpu[slot] ?? 0;
      const process = processes[vcpu];
      if (vcpus.ended[vcpu] !== ended || !process) continue;
      const key = rowKey(slots.isa[slot] ?? 0, slots.reason[slot] ?? 0, slots.level[slot] ?? 1);
      const sums = pick(process.rows.at(key, this.#before));
      const [count, ns] = [slots.count[slot] ?? 0, slots.totalNs[slot] ?? 0];
      sums.exits += count;
      const distribution = this.#host ? pick(this.#host.at(key, this.#before)) : sums;
      distributions[slot] = distribution.buckets;
      if (!slots.timed[slot]) continue;
      sums.timed += count;
      sums.ns += ns;
      if (distribution === sums) continue;
      distribution.timed += count;
      distribution.ns += ns;
    }
    for (let i = 0; i < buckets.slot.length; i++) {
      const to = distributions[buckets.slot[i] ?? 0];
      const bucket = BUCKET_OF[buckets.bucket[i] ?? 0] ?? 0;
      if (to) to[bucket] = (to[bucket] ?? 0) + (buckets.count[i] ?? 0);
    }
  }
}
