// A run: all that saved readings say together.
import type { ReadLine } from "../lines/read";
import type { About } from "../measure/lines";
import { ClockSum } from "./clock-sum";
import { ExitSum } from "./exit-sum";
import type { Selection } from "./selection";

/** Most different authors of lines that are kept. */
const MAX_ABOUTS = 16;

/** Adds lines up: exits, and how vCPUs' time was split. */
export class Run {
  readonly exits: ExitSum;
  readonly split: ClockSum;
  readonly #selection: Selection;
  readonly #abouts = new Map<string, About>();
  #first: Date | undefined;

  constructor(selection: Selection) {
    this.#selection = selection;
    this.exits = new ExitSum(selection);
    this.split = new ClockSum(selection);
  }

  /** Who wrote the lines, each once. */
  get abouts(): readonly About[] {
    return [...this.#abouts.values()];
  }

  /** How many intervals were looked at. */
  get intervals(): number {
    return this.exits.intervals + this.split.intervals;
  }

  /** @throws UsageError if a filter needs what the line doesn't tell */
  add(line: ReadLine): void {
    const { start, end, tool, version, host, options, split } = line;
    this.#first ??= start;
    if (!this.#selection.wantsTime(this.#first, start, end)) return;
    if (this.#abouts.size < MAX_ABOUTS) {
      const about = { tool, version, host, options };
      this.#abouts.set(JSON.stringify(about), about);
    }
    if (split) this.split.add(line, split);
    else this.exits.add(line);
  }
}
