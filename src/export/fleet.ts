// SPDX-License-Identifier: MIT
// The VMs of a host, each with series of its own while there is room, and what they counted: never less than before.
import type { Vm } from "../host/vm";
import type { SplitSnapshot } from "../native/split";
import { DETAIL, type Snapshot } from "../native/vmexit";
import { safeText } from "../text";
import { BUCKET_COUNT, BUCKET_OF } from "./bounds";
import { type DetailRow, type DetailWords, Details, mostOf } from "./detail-sums";
import { type Label, Labels } from "./family";
import { STATE_COUNT, States } from "./states";
import { Pool, type Row, type RowLabel, Rows, type Sums, rowKey } from "./sums";

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
  /** Whether there are snapshots of returns to the VMM. */
  readonly returns?: boolean;
  /** Whether there are snapshots of the time of vCPUs. */
  readonly split?: boolean;
  /** Of how many details there are series, up to MAX_DETAILS, and their words; none unless given. */
  readonly details?: { readonly most: number; readonly words: DetailWords };
}

/** The counters of all sessions at about one moment. */
export interface Snapshots {
  readonly exits: Snapshot;
  readonly returns?: Snapshot;
  readonly split?: SplitSnapshot;
}

/** What was counted up to a snapshot. */
export interface Counted {
  /** Of VMs, and of those that are counted together. */
  readonly rows: Iterable<Row>;
  /** By reason and level, of all VMs; undefined unless histograms are the host's. */
  readonly hostRows: Iterable<Row> | undefined;
  /** Returns to the VMM, as `rows`. */
  readonly returns: Iterable<Row>;
  /** The time of vCPUs, of each VM and of those that are counted together. */
  readonly states: readonly States[];
  /** The details with most exits. */
  readonly details: readonly DetailRow[];
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
// Returns and seconds; exits and seconds.
const [RETURN_COUNTERS, DETAIL_COUNTERS] = [2, 2];
/** What a VM is sure to have: as many reasons, at one or two levels, as are seen of a busy one. */
const ROWS_OF_VM = 40;
/** What the host's sums, and the VMs that are counted together, are sure to have. */
const ROWS_OF_ALL = 64;
/** As these, of returns to the VMM. */
const RETURNS_OF_VM = 6;
const RETURNS_OF_ALL = 16;
/** Of families that don't grow with VMs: losses, programs, this process. */
const FIXED = 200;

/** The most details that have series. */
export const MAX_DETAILS = 500;

/** The fewest series that hold what doesn't belong to a VM. */
export const MIN_SERIES =
  FIXED +
  ROWS_OF_ALL * (2 * COUNTERS + 2 * HISTOGRAM) +
  RETURNS_OF_ALL * RETURN_COUNTERS +
  STATE_COUNT +
  MAX_DETAILS * DETAIL_COUNTERS;

// Names are chosen by others. Longer ones than VM managers allow are cut.
const MAX_NAME = 128;
// A scraper that hasn't asked for so long isn't waited for.
const SCRAPER_MS = 300_000;
const MAX_SCRAPERS = 16;

function labelText(name: string): string {
  // Not by UTF-16 units, which could cut a character in two; half a character becomes U+FFFD.
  return Buffer.from(Array.from(safeText(name)).slice(0, MAX_NAME).join("")).toString();
}

/** What is counted of a VM, or of VMs together. */
interface Account {
  readonly exits: Rows;
  readonly returns: Rows | undefined;
  readonly states: States | undefined;
  readonly details: Details | undefined;
}

/** A VM with series of its own. */
interface Own {
  readonly label: string;
  readonly account: Account;
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
  readonly account: Account;
  live: boolean;
}

/** The processes of each session's vCPUs, row by row. */
interface Processes {
  readonly exits: readonly Process[];
  readonly returns: readonly Process[];
  readonly split: readonly Process[];
}

/** One after the other: an array of all would be made for each scrape. */
function* rowsOf(accounts: readonly Account[], of: "exits" | "returns"): Generator<Row, void> {
  for (const account of accounts) yield* account[of]?.values() ?? [];
}

const EXIT_LABELS: readonly RowLabel[] = ["isa", "reason", "level"];

/** Adds up snapshots by VM. */
export class Fleet {
  readonly #names: Names;
  readonly #options: FleetOptions;
  readonly #pool: Pool;
  readonly #own = new Map<string, Own>();
  readonly #processes = new Map<string, Process>();
  readonly #others: Account;
  readonly #host: Rows | undefined;
  /** When each scraper was last there. */
  readonly #scrapers = new Map<string, number>();
  /** How many series a reason of a VM has. */
  readonly #series: number;
  #before: number;

  /** @param now in ms on a clock that is never set, as in all calls */
  constructor(names: Names, options: FleetOptions, now: number) {
    const { histograms, maxSeries, returns = false, split = false, details } = options;
    this.#names = names;
    this.#options = options;
    this.#before = now;
    this.#series = COUNTERS + (histograms === "vm" ? HISTOGRAM : 0);
    const hostSeries = histograms === "host" ? HISTOGRAM : 0;
    this.#pool = new Pool(
      maxSeries -
        FIXED -
        ROWS_OF_ALL * (this.#series + hostSeries) -
        (returns ? RETURNS_OF_ALL * RETURN_COUNTERS : 0) -
        (split ? STATE_COUNT : 0) -
        (details ? details.most * DETAIL_COUNTERS : 0),
    );
    this.#others = this.#account(OTHER);
    if (histograms === "host")
      this.#host = new Rows({
        labels: [],
        own: EXIT_LABELS,
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
  look(snapshots: Snapshots, now: number): boolean {
    const known = this.#processes.size;
    const processes = this.#processesOf(snapshots);
    const isNew = this.#processes.size > known;
    this.#add(snapshots, processes, 1);
    this.#settle();
    this.#before = now;
    return isNew || snapshots.exits.vcpus.ended.includes(1);
  }

  /** What was counted. @param scraper who asks: a VM that ended leaves once each scraper has seen it */
  read(snapshots: Snapshots, scraper: string, now: number): Counted {
    const processes = this.#processesOf(snapshots);
    this.#add(snapshots, processes, 1);
    this.#settle();
    this.#begin();
    this.#add(snapshots, processes, 0);
    this.#before = now;
    const accounts = this.#accounts();
    const counted = {
      rows: { [Symbol.iterator]: () => rowsOf(accounts, "exits") },
      hostRows: this.#host?.values(),
      returns: { [Symbol.iterator]: () => rowsOf(accounts, "returns") },
      states: accounts.flatMap(({ states }) => (!states || states.isEmpty ? [] : states)),
      details: mostOf(
        accounts.flatMap(({ details }) => [...(details?.values() ?? [])]),
        this.#options.details?.most ?? 0,
      ),
      vms: Array.from(this.#own.values(), ({ info }) => info),
      others: [...this.#processes.values()].filter(({ own }) => !own).length,
      vcpus: snapshots.exits.vcpus.ended.reduce((count, ended) => count + (ended ? 0 : 1), 0),
    };
    this.#seen(scraper, now);
    return counted;
  }

  /** Of VMs, and of those that are counted together. */
  #accounts(): Account[] {
    return [...Array.from(this.#own.values(), ({ account }) => account), this.#others];
  }

  /** Lets all sums begin with what ended. */
  #begin(): void {
    for (const row of this.#host?.values() ?? []) row.all.set(row.kept);
    for (const { exits, returns, states, details } of this.#accounts()) {
      for (const row of exits.values()) row.all.set(row.kept);
      for (const row of returns?.values() ?? []) row.all.set(row.kept);
      for (const row of details?.values() ?? []) Object.assign(row.all, row.kept);
      states?.begin();
    }
  }

  /** @param spill whose rows take what finds no room; undefined: this is those */
  #account(vm: string, spill?: Account): Account {
    const { histograms, returns = false, split = false, details } = this.#options;
    const labels: readonly Label[] = [["vm", vm]];
    const rows = (own: readonly RowLabel[], histogram: boolean, series: number, room: number, to?: Rows) =>
      new Rows({ labels, own, histogram, pool: this.#pool, series, room, ...(to ? { spill: to } : {}) });
    return {
      exits: rows(
        EXIT_LABELS,
        histograms === "vm",
        this.#series,
        spill ? ROWS_OF_VM : ROWS_OF_ALL,
        spill?.exits,
      ),
      returns: returns
        ? rows(["reason"], false, RETURN_COUNTERS, spill ? RETURNS_OF_VM : RETURNS_OF_ALL, spill?.returns)
        : undefined,
      states: split ? new States(labels, this.#before) : undefined,
      details: details && new Details(labels, details.words),
    };
  }

  /** The process of each row of `vcpus` of each session. */
  #processesOf({ exits, returns, split }: Snapshots): Processes {
    for (const process of this.#processes.values()) process.live = false;
    const of = (from: { readonly vcpus: Snapshot["vcpus"] } | undefined): Process[] =>
      from ? Array.from(from.vcpus.tgid, (_, row) => this.#processOf(from.vcpus, row)) : [];
    return { exits: of(exits), returns: of(returns), split: of(split) };
  }

  #processOf(vcpus: Snapshot["vcpus"], row: number): Process {
    const [pid, startNs] = [vcpus.tgid[row] ?? 0, vcpus.startNs[row] ?? 0];
    const key = `${pid} ${startNs}`;
    let process = this.#processes.get(key);
    if (!process)
      this.#processes.set(key, (process = this.#admit(this.#names.of(pid, startNs, vcpus.comm[row] ?? ""))));
    if (!vcpus.ended[row]) process.live = true;
    return process;
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
      return { vm, own: before, account: before.account, live: false };
    }
    if (!this.#makeRoom()) return { vm, own: undefined, account: this.#others, live: false };
    const account = this.#account(label, this.#others);
    const own: Own = { label, account, info, ended: false, seenBy: new Set() };
    this.#own.set(label, own);
    return { vm, own, account, live: false };
  }

  #infoOf({ name, pid, uuid, source }: Vm, label: string): Labels {
    const labels = { vm: label, name: labelText(name), pid: String(pid), ...(uuid ? { uuid } : {}), source };
    return new Labels(Object.entries(labels), this.#before);
  }

  /** How many series a VM has of itself: its information, and its states. */
  get #seriesOfVm(): number {
    return 1 + (this.#options.split ? STATE_COUNT : 0);
  }

  /** Takes the room of a VM, in the place of some that ended if need be. */
  #makeRoom(): boolean {
    const series =
      ROWS_OF_VM * this.#series +
      (this.#options.returns ? RETURNS_OF_VM * RETURN_COUNTERS : 0) +
      this.#seriesOfVm;
    if (this.#pool.take(series)) return true;
    for (const own of this.#own.values()) {
      if (!own.ended) continue;
      this.#leave(own);
      if (this.#pool.take(series)) return true;
    }
    return false;
  }

  #leave({ label, account }: Own): void {
    account.exits.release();
    account.returns?.release();
    this.#pool.give(this.#seriesOfVm);
    this.#own.delete(label);
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
  #add({ exits, returns, split }: Snapshots, processes: Processes, ended: 0 | 1): void {
    this.#addExits(exits, processes.exits, ended);
    if (returns) this.#addReturns(returns, processes.returns, ended);
    for (const [row, { account }] of processes.split.entries()) {
      if (!split || split.vcpus.ended[row] !== ended) continue;
      if (ended) account.states?.keep(split.clocks, row);
      else account.states?.add(split.clocks, row);
    }
  }

  #addExits({ vcpus, slots, buckets }: Snapshot, processes: readonly Process[], ended: 0 | 1): void {
    const pick = (row: Row): Sums => (ended ? row.kept : row.all);
    const distributions: (Float64Array | undefined)[] = [];
    for (let slot = 0; slot < slots.vcpu.length; slot++) {
      const vcpu = slots.vcpu[slot] ?? 0;
      const process = processes[vcpu];
      if (vcpus.ended[vcpu] !== ended || !process) continue;
      const [isa, raw] = [slots.isa[slot] ?? 0, slots.reason[slot] ?? 0];
      const key = rowKey(isa, raw, slots.level[slot] ?? 1);
      const sums = pick(process.account.exits.at(key, this.#before));
      const [count, ns] = [slots.count[slot] ?? 0, slots.totalNs[slot] ?? 0];
      sums.exits += count;
      if (slots.detailState?.[slot] === DETAIL.known) {
        const detail = process.account.details?.at(isa, raw, slots.detail?.[slot] ?? 0n, this.#before);
        const detailSums = ended ? detail?.kept : detail?.all;
        if (detailSums) {
          detailSums.exits += count;
          detailSums.ns += ns;
        }
      }
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

  #addReturns({ vcpus, slots }: Snapshot, processes: readonly Process[], ended: 0 | 1): void {
    for (let slot = 0; slot < slots.vcpu.length; slot++) {
      const vcpu = slots.vcpu[slot] ?? 0;
      const rows = processes[vcpu]?.account.returns;
      if (vcpus.ended[vcpu] !== ended || !rows) continue;
      const row = rows.at(rowKey(slots.isa[slot] ?? 0, slots.reason[slot] ?? 0, 1), this.#before);
      const sums = ended ? row.kept : row.all;
      sums.exits += slots.count[slot] ?? 0;
      sums.ns += slots.totalNs[slot] ?? 0;
    }
  }
}
