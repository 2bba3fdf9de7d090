// SPDX-License-Identifier: MIT
// A run: all that saved readings say together.
import type { ReadLine } from "../lines/read";
import type { About } from "../measure/lines";
import { atOnce } from "../pace";
import { isOfVmm } from "../reasons";
import { readable } from "../render/units";
import { inputName } from "../text";
import { mixturesOf } from "./aspects";
import { ClockSum } from "./clock-sum";
import { ExitSum } from "./exit-sum";
import type { Selection } from "./selection";

/** Most different authors of lines that are kept. */
const MAX_ABOUTS = 16;

/** Whether the exits of a line are exits to the VMM. */
function isOfVmmLine({ tool, reading }: ReadLine): boolean {
  for (const samples of reading.exits.values()) for (const { isa } of samples.values()) return isOfVmm(isa);
  return tool === "kvm-vmexit-vmm";
}

/** Exits of a run, and who wrote of them. */
export type ExitsOfRun = Pick<Run, "exits" | "judged" | "abouts">;

/** Adds lines up: exits, exits to the VMM, and how vCPUs' time was split. */
export class Run {
  readonly exits: ExitSum;
  readonly vmm: ExitSum;
  readonly split: ClockSum;
  /** What it is called in messages: its files. */
  readonly name: string;
  /** The files' paths. */
  readonly files: readonly string[];
  readonly #selection: Selection;
  readonly #abouts = new Map<string, About>();
  /** What is missing of the files, in words. */
  readonly notes: string[] = [];
  #first: Date | undefined;

  constructor(selection: Selection, files: readonly string[] = []) {
    this.#selection = selection;
    this.files = files;
    this.name = files.map(inputName).join(", ");
    this.exits = new ExitSum(selection);
    this.vmm = new ExitSum(selection);
    this.split = new ClockSum(selection);
  }

  /** Who wrote the lines, each once. */
  get abouts(): readonly About[] {
    return [...this.#abouts.values()];
  }

  /** How many intervals were looked at. */
  get intervals(): number {
    return this.exits.intervals + this.vmm.intervals + this.split.intervals;
  }

  /** What is compared and judged: exits or, where there are no lines of them, exits to the VMM. */
  get judged(): ExitSum {
    return this.exits.intervals === 0 ? this.vmm : this.exits;
  }

  /** Which exits these are; undefined if there are lines of neither. */
  get kind(): "exits" | "vmm" | undefined {
    if (this.exits.intervals > 0) return "exits";
    return this.vmm.intervals > 0 ? "vmm" : undefined;
  }

  /** Instruction sets whose reasons the exits that are judged can have; none where that is unknown. */
  get isas(): readonly string[] {
    if (this.kind === "vmm") return ["kvm_run"];
    const ofHosts = this.abouts.flatMap(({ host }) => (host && !isOfVmm(host.isa) ? [host.isa] : []));
    return [...new Set([...this.exits.isas, ...ofHosts])].filter((isa) => isa !== "");
  }

  /**
   * Whether something was there to judge: an exit of a VM and vCPU that are looked at, of whatever reason. Undefined where
   * the lines leave reasons out, so that there may have been others.
   */
  get isMet(): boolean | undefined {
    if (this.judged.isMet) return true;
    const isPart = ({ reasons, excludes, idle = "show" }: About["options"]) =>
      reasons !== undefined || excludes !== undefined || idle !== "show";
    return this.abouts.some(({ options }) => isPart(options)) ? undefined : false;
  }

  /** Exits to the VMM in place of exits. */
  get ofVmm(): ExitsOfRun {
    return { exits: this.vmm, judged: this.vmm, abouts: this.abouts };
  }

  /** What files have, one by one. */
  get parts(): readonly (ExitSum | ClockSum)[] {
    return [this.exits, this.vmm, this.split];
  }

  /** What is odd about the lines that are added up, in words; empty where nothing is. */
  get oddities(): readonly string[] {
    const spans = this.parts.map(({ span }) => span);
    const intervals = spans.reduce((sum, { overlap }) => sum + overlap.intervals, 0);
    const ns = spans.reduce((sum, { overlap }) => sum + overlap.ms * 1e6, 0);
    return [
      ...mixturesOf(this),
      ...(intervals > 0
        ? [
            `${intervals} of the intervals overlap others, by ${readable(ns)} in all: the clock was set back, or what happened then is counted twice`,
          ]
        : []),
      ...(spans.every(({ ordered }) => ordered)
        ? []
        : ["intervals aren't in the order of time; charts have them in order"]),
    ];
  }

  /**
   * Adds a line.
   * @param file that has the line, for messages
   * @throws UsageError if a filter needs what the line doesn't tell, or another file tells of the same time
   */
  add(line: ReadLine, file?: string): void {
    atOnce(this.adding(line, file));
  }

  /** add() in steps. */
  *adding(line: ReadLine, file = this.name): Generator<void, void> {
    const { start, end, tool, version, host, options, split } = line;
    this.#first ??= start;
    if (!this.#selection.wantsTime(this.#first, start, end)) return;
    if (this.#abouts.size < MAX_ABOUTS) {
      const about = { tool, version, host, options };
      this.#abouts.set(JSON.stringify(about), about);
    }
    if (split) yield* this.split.adding(line, split, file);
    else if (isOfVmmLine(line)) yield* this.vmm.adding(line, file);
    else yield* this.exits.adding(line, file);
  }
}
