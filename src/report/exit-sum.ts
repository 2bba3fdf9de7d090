// The exits of a run, added up in bounded memory.
import type { ReadLine } from "../lines/read";
import type { Identity } from "../measure/grouping";
import { type Lost, NOTHING_LOST, WAYS_OF_LOSS, lossesOf } from "../measure/lost";
import type { Reading } from "../measure/reading";
import { OTHERS, OTHERS_VM } from "../measure/roster";
import { type Groups, type Sample, addSamples, sampleKey } from "../measure/samples";
import type { Time } from "../measure/time";
import { OTHERS_ISA, isIdle, isaName } from "../reasons";
import type { Selection } from "./selection";
import { Span } from "./span";
import { Timeline } from "./timeline";

/** Most pairs of vCPU and reason that are told apart: 1,000 vCPUs of 64 reasons each. */
const MAX_SLOTS = 65_536;

const OTHERS_KEY = sampleKey(OTHERS_ISA, 0);

/** What was lost in both; undefined if it is unknown of one. */
export function sumOfLost(a: Lost | undefined, b: Lost | undefined): Lost | undefined {
  if (!a || !b) return undefined;
  const sum: Record<keyof Lost, number> = { ...a };
  for (const way of WAYS_OF_LOSS) sum[way] += b[way];
  return sum;
}

/** Adds the exits of lines up. */
export class ExitSum {
  readonly timeline = new Timeline();
  readonly #selection: Selection;
  readonly #span = new Span();
  readonly #exits: Groups = new Map();
  readonly #vcpus = new Map<string, Identity>();
  #lost: Lost | undefined = NOTHING_LOST;
  #vcpuNs: number | undefined = 0;
  #slots = 0;
  #others = 0;

  constructor(selection: Selection) {
    this.#selection = selection;
  }

  /** How many intervals were added. */
  get intervals(): number {
    return this.#span.intervals;
  }

  /** Exits of so many vCPUs and reasons that they are counted together. */
  get others(): number {
    return this.#others;
  }

  /** The time that all vCPUs together were looked at; undefined if it isn't known how many there were. */
  get vcpuNs(): number | undefined {
    return this.#vcpuNs;
  }

  /** Everything, as one reading. */
  get reading(): Reading & Time {
    const [vcpus, exits, lost] = [this.#vcpus, this.#exits, this.#lost];
    return { ...this.#span.time, number: 0, lost, vcpus, exits };
  }

  /** @throws UsageError if a filter needs what the line doesn't tell */
  add(line: ReadLine): void {
    const { start, end, durationNs, reading } = line;
    this.#span.add(line);
    this.#lost = sumOfLost(this.#lost, reading.lost);
    this.timeline.begin(start, end, durationNs, reading.lost ? lossesOf(reading.lost) : 0);
    const seen = this.#addExits(reading);
    const vcpus = this.#selection.byIdentity || line.vcpus === undefined ? seen : line.vcpus;
    if (vcpus === undefined) this.#vcpuNs = undefined;
    else if (this.#vcpuNs !== undefined) this.#vcpuNs += vcpus * durationNs;
  }

  /** Returns how many vCPUs had wanted exits, undefined where the reading doesn't tell them apart. */
  #addExits({ exits, vcpus }: Reading): number | undefined {
    let seen: number | undefined = 0;
    for (const [key, samples] of exits) {
      const identity = vcpus.get(key) ?? {};
      if (!this.#selection.wantsIdentity(identity)) continue;
      let some = false;
      for (const [reason, sample] of samples) {
        if (!this.#selection.wantsSample(sample)) continue;
        some = true;
        this.#addSample(key, identity, reason, sample);
        this.timeline.add(reason, sample, isIdle(sample.isa, sample.reason));
      }
      if (identity.vcpu === undefined && identity.tid === undefined) seen = undefined;
      else if (seen !== undefined && some) seen++;
    }
    return seen;
  }

  #addSample(key: string, identity: Identity, reason: number, sample: Sample): void {
    if (this.#exits.get(key)?.has(reason)) {
      addSamples(this.#exits, key, new Map([[reason, sample]]));
      return;
    }
    if (this.#slots < MAX_SLOTS) {
      this.#slots++;
      if (!this.#vcpus.has(key)) this.#vcpus.set(key, identity);
      addSamples(this.#exits, key, new Map([[reason, sample]]));
      return;
    }
    this.#others += sample.l1.count + sample.l2.count;
    this.#vcpus.set(OTHERS, { vm: OTHERS_VM });
    const together: Sample = { ...sample, isa: isaName(OTHERS_ISA), reason: 0 };
    addSamples(this.#exits, OTHERS, new Map([[OTHERS_KEY, together]]));
  }
}
