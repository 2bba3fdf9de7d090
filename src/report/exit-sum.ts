// SPDX-License-Identifier: MIT
// The exits of a run, added up in bounded memory.
import type { ReadLine } from "../lines/read";
import type { Identity } from "../measure/grouping";
import { type Lost, NOTHING_LOST, WAYS_OF_LOSS, lossesOf } from "../measure/lost";
import type { Reading } from "../measure/reading";
import { OTHERS, OTHERS_VM } from "../measure/roster";
import {
  type Groups,
  OTHER_DETAILS,
  type Sample,
  add,
  addSamples,
  detailAt,
  sampleKey,
} from "../measure/samples";
import type { Time } from "../measure/time";
import { OTHERS_ISA, isIdle, isaName } from "../reasons";
import type { Selection } from "./selection";
import { Span } from "./span";
import { Timeline } from "./timeline";

/** Most pairs of vCPU and reason that are told apart: 1,000 vCPUs of 64 reasons each. */
const MAX_SLOTS = 65_536;

/** Most reasons that are told apart: all instruction sets together have fewer. */
const MAX_REASONS = 512;

/** Most details of all of these together; the exits of the others are others. */
const MAX_DETAILS = 16_384;

const OTHERS_KEY = sampleKey(OTHERS_ISA, 0);

/** What was lost in both; undefined if it is unknown of one. */
export function sumOfLost(a: Lost | undefined, b: Lost | undefined): Lost | undefined {
  if (!a || !b) return undefined;
  const sum: Record<keyof Lost, number> = { ...a };
  for (const way of WAYS_OF_LOSS) sum[way] += b[way];
  return sum;
}

/** How many intervals with exits have something, and how many haven't. */
export interface Told {
  with: number;
  without: number;
}

/** What not all lines have; without a VM, none can be chosen. */
export const TOLD = ["timed", "histograms", "details", "vms"] as const;

/** What the exits of a line have. */
interface OfLine {
  count: number;
  timed: number;
  hasHistograms: boolean;
  hasDetails: boolean;
  hasVms: boolean;
  /** How many vCPUs had wanted exits; undefined where the line doesn't tell them apart. */
  vcpus: number | undefined;
}

/** Adds the exits of lines up. */
export class ExitSum {
  readonly timeline = new Timeline();
  readonly #selection: Selection;
  readonly #span = new Span();
  readonly #exits: Groups = new Map();
  readonly #vcpus = new Map<string, Identity>();
  readonly #reasons = new Set<number>();
  readonly #isas = new Set<string>();
  readonly #told: Readonly<Record<(typeof TOLD)[number], Told>> = {
    timed: { with: 0, without: 0 },
    histograms: { with: 0, without: 0 },
    details: { with: 0, without: 0 },
    vms: { with: 0, without: 0 },
  };
  #isMet = false;
  #lost: Lost | undefined = NOTHING_LOST;
  #vcpuNs: number | undefined = 0;
  #slots = 0;
  #details = 0;
  #others = 0;

  constructor(selection: Selection) {
    this.#selection = selection;
  }

  /** How many intervals were added. */
  get intervals(): number {
    return this.#span.intervals;
  }

  get time(): Time {
    return this.#span.time;
  }

  /** From when to when, and whether in order. */
  get span(): Span {
    return this.#span;
  }

  /** Exits of so many vCPUs and reasons that they are counted together. */
  get others(): number {
    return this.#others;
  }

  /** The time that all vCPUs together were looked at; undefined if it isn't known how many there were. */
  get vcpuNs(): number | undefined {
    return this.#vcpuNs;
  }

  /** Of how many intervals times, histograms, details and VMs are told. */
  get told(): Readonly<Record<(typeof TOLD)[number], Readonly<Told>>> {
    return this.#told;
  }

  /** What defines the codes of all exits that lines have, wanted or not. */
  get isas(): ReadonlySet<string> {
    return this.#isas;
  }

  /** Whether a line has exits, of whatever reason, of a VM and vCPU that are looked at. */
  get isMet(): boolean {
    return this.#isMet;
  }

  /** How many vCPUs had exits, where they aren't told apart on average; undefined if it isn't known. */
  get vcpus(): number | undefined {
    const { durationNs } = this.#span.time;
    const identities = [...this.#vcpus.values()];
    if (identities.every(({ vcpu, tid }) => vcpu !== undefined || tid !== undefined))
      return identities.length;
    return this.#vcpuNs === undefined || durationNs === 0 ? undefined : Math.round(this.#vcpuNs / durationNs);
  }

  /** Everything, as one reading. */
  get reading(): Reading & Time {
    const [vcpus, exits, lost] = [this.#vcpus, this.#exits, this.#lost];
    return { ...this.#span.time, number: 0, lost, vcpus, exits };
  }

  /**
   * Adds a line in steps.
   * @param file that has the line
   * @throws UsageError if a filter needs what the line doesn't tell, or another file tells of the same time
   */
  *adding(line: ReadLine, file: string): Generator<void, void> {
    const { start, end, durationNs, reading } = line;
    this.#span.add(line, file);
    this.#lost = sumOfLost(this.#lost, reading.lost);
    this.timeline.begin(start, end, durationNs, reading.lost ? lossesOf(reading.lost) : 0);
    const seen = yield* this.#addExits(reading);
    this.#noteTold(seen, line);
    const vcpus = this.#selection.byIdentity || line.vcpus === undefined ? seen.vcpus : line.vcpus;
    if (vcpus === undefined) this.#vcpuNs = undefined;
    else if (this.#vcpuNs !== undefined) this.#vcpuNs += vcpus * durationNs;
  }

  *#addExits({ exits, vcpus }: Reading): Generator<void, OfLine> {
    const seen: OfLine = {
      count: 0,
      timed: 0,
      hasHistograms: false,
      hasDetails: false,
      hasVms: false,
      vcpus: 0,
    };
    for (const [key, samples] of exits) {
      const identity = vcpus.get(key) ?? {};
      for (const { isa } of samples.values()) this.#isas.add(isa);
      if (!this.#selection.wantsIdentity(identity)) continue;
      if (samples.size > 0) this.#isMet = true;
      let some = false;
      for (const [reason, sample] of samples) {
        const wanted = this.#selection.pick(reason, sample);
        if (!wanted) continue;
        some = true;
        const { l1, l2, details } = wanted;
        seen.count += l1.count + l2.count;
        seen.timed += l1.timed + l2.timed;
        seen.hasHistograms ||= l1.buckets.length + l2.buckets.length > 0;
        seen.hasDetails ||= details !== undefined;
        seen.hasVms ||= identity.vm !== undefined;
        this.#addSample(key, identity, reason, wanted);
        this.timeline.add(reason, wanted, isIdle(sample.isa, sample.reason));
        yield;
      }
      if (identity.vcpu === undefined && identity.tid === undefined) seen.vcpus = undefined;
      else if (seen.vcpus !== undefined && some) seen.vcpus++;
    }
    return seen;
  }

  /** Few exits may all lack a time or a detail, which the options then tell. */
  #noteTold({ count, timed, hasHistograms, hasDetails, hasVms }: OfLine, { options }: ReadLine): void {
    if (count === 0) return;
    const note = (what: (typeof TOLD)[number], has: boolean) => this.#told[what][has ? "with" : "without"]++;
    note("timed", timed > 0 || options.timing === true);
    if (timed > 0) note("histograms", hasHistograms || options.histograms === true);
    note("details", hasDetails || options.details === true);
    note("vms", hasVms);
  }

  #addSample(key: string, identity: Identity, reason: number, sample: Sample): void {
    const isKnown = this.#exits.get(key)?.has(reason) === true;
    const hasRoom =
      this.#slots < MAX_SLOTS && (this.#reasons.has(reason) || this.#reasons.size < MAX_REASONS);
    if (isKnown || hasRoom) {
      if (!isKnown) this.#slots++;
      this.#reasons.add(reason);
      if (!this.#vcpus.has(key)) this.#vcpus.set(key, identity);
      addSamples(this.#exits, key, new Map([[reason, this.#withFewDetails(key, reason, sample)]]));
      return;
    }
    this.#others += sample.l1.count + sample.l2.count;
    this.#vcpus.set(OTHERS, { vm: OTHERS_VM });
    const { l1, l2, reflected } = sample;
    const together: Sample = { l1, l2, reflected, isa: isaName(OTHERS_ISA), reason: 0 };
    addSamples(this.#exits, OTHERS, new Map([[OTHERS_KEY, together]]));
  }

  /** The sample with those of its details that find a place; the others are one. */
  #withFewDetails(key: string, reason: number, sample: Sample): Sample {
    if (!sample.details) return sample;
    const known = this.#exits.get(key)?.get(reason)?.details;
    const few: Sample = { ...sample, details: new Map() };
    for (const [name, { detail, l1, l2 }] of sample.details) {
      const isOther = name === OTHER_DETAILS || (!known?.has(name) && this.#details >= MAX_DETAILS);
      if (!isOther && !known?.has(name)) this.#details++;
      const part = isOther ? detailAt(few, OTHER_DETAILS, undefined) : detailAt(few, name, detail);
      add(part.l1, l1);
      add(part.l2, l2);
    }
    return few;
  }
}

/** Whether any exit has a time. */
export function isTimed({ reading }: Pick<ExitSum, "reading">): boolean {
  for (const samples of reading.exits.values())
    for (const { l1, l2 } of samples.values()) if (l1.timed + l2.timed > 0) return true;
  return false;
}
