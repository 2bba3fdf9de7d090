// SPDX-License-Identifier: MIT
// Saved readings: files of --json lines and recordings, packed by gzip or not.
import { UsageError, messageOf } from "../../src/errors";
import { readLines } from "../../src/lines/read";
import { NOTHING_LOST } from "../../src/measure/lost";
import { inSteps } from "../../src/pace";
import { Run } from "../../src/report/run";
import type { Selection } from "../../src/report/selection";
import { type Chunks, sniff } from "../../src/report/sniff";
import type { Source } from "../../src/trace/consume";
import type { Summary } from "../../src/trace/summary";
import { beginsRecording } from "../../src/trace/reader";
import { Tally } from "../../src/trace/tally";
import { diagnose, outputEnded, showProgress } from "../lib/output";
import { checkOnce } from "../lib/files";
import { recordings } from "../trace/inputs";
import { type ClockOptions, readTurnsOf } from "../trace/read-turns";

/** How files are to be read. */
export interface Reading {
  /** The name by which the tool was called, for messages. */
  readonly tool: string;
  readonly clock: ClockOptions;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** What came of it. */
export interface ReadRun {
  readonly run: Run;
  /** The exit status: 2 if a recording is damaged. */
  readonly status: number;
}

/** Exits of a recording are added up for so long, in ns, before they are handed on. */
const INTERVAL_NS = 1e9;

/** The exit status where a file is damaged. */
const DAMAGED = 2;

const INTERRUPTED = "interrupted: what follows of the files is left out";

/** How often it is told how far reading is, and from when on. */
const PROGRESS_MS = 500;

/** Lines are read with a look at signals in between. */
async function* untilEnd(chunks: Chunks, signal: AbortSignal): Chunks {
  for await (const chunk of chunks) {
    if (signal.aborted || outputEnded()) return;
    yield chunk;
  }
}

/** The bytes of a file, with a word on a terminal where they take long. */
async function* withProgress(name: string, chunks: Chunks): Chunks {
  let [bytes, told] = [0, performance.now()];
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      yield chunk;
      if (performance.now() - told < PROGRESS_MS) continue;
      told = performance.now();
      showProgress(`${name}: ${(bytes / 2 ** 20).toFixed(0)} MiB read`);
    }
  } finally {
    showProgress(undefined);
  }
}

/** Where a file of lines begins; undefined of others, of pipes, and of what can't be read, which is said later. */
async function beginOf(source: Source): Promise<Date | undefined> {
  if (source.live) return undefined;
  try {
    const { kind, chunks } = await sniff(source.name, source.chunks, beginsRecording, () => undefined);
    if (kind === "lines") for await (const { start } of readLines(chunks, () => undefined)) return start;
    await chunks[Symbol.asyncIterator]().return?.();
  } catch {
    return undefined;
  }
  return undefined;
}

/** The files in the order of their time, where each tells its own: parts of a log that was rotated. */
async function inOrderOfTime(paths: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  if (paths.length < 2) return paths;
  const begins = new Map<string, Date>();
  for (const path of paths)
    for (const source of recordings([path], signal)) {
      const begin = await beginOf(source);
      if (begin === undefined) return paths;
      begins.set(path, begin);
    }
  const msOf = (path: string) => begins.get(path)?.getTime() ?? 0;
  return [...paths].sort((a, b) => msOf(a) - msOf(b));
}

/** Says what is missing of a run, also to who gets its page. */
function tellMissing(tool: string, run: Run, what: string): void {
  diagnose(`${tool}: ${what}`);
  run.notes.push(what);
}

async function addLines(run: Run, name: string, chunks: Chunks, { tool, signal }: Reading): Promise<void> {
  const cut = (characters: number) => {
    if (!signal.aborted)
      tellMissing(tool, run, `${name}: the last line is cut off after ${characters} characters; left out`);
  };
  try {
    for await (const line of readLines(untilEnd(chunks, signal), cut)) await inSteps(run.adding(line, name));
  } catch (error) {
    if (!(error instanceof UsageError) || error.message.startsWith(name)) throw error;
    throw new UsageError(`${name}: ${messageOf(error)}`, error.code);
  }
}

/** Adds turns up to intervals of a second. */
class Intervals {
  #tally = new Tally();
  #beginNs = 0;
  readonly #run: Run;
  readonly #name: string;

  /** @param name of the recordings */
  constructor(run: Run, name: string) {
    this.#run = run;
    this.#name = name;
  }

  /** Hands on what came before `untilNs` from the beginning. */
  flush(untilNs: number, summary: Summary, final: boolean): void {
    const [begin, durationNs] = [this.#beginNs, Math.max(0, Math.round(untilNs - this.#beginNs))];
    const time = { start: summary.dateAt(begin, 1), end: summary.dateAt(untilNs, 1), durationNs };
    const { exits, vcpus } = this.#tally;
    const lost = final ? summary.health : NOTHING_LOST;
    const options = { by: "vcpu", timing: true, histograms: true };
    const about = { tool: "kvm-trace", version: "", host: undefined, options, vcpus: exits.size };
    const reading = { ...time, number: 0, lost, vcpus, exits };
    this.#run.add({ ...about, ...time, final, reading, split: undefined }, this.#name);
    this.#tally = new Tally();
    this.#beginNs = untilNs;
  }

  add(turn: Parameters<Tally["add"]>[0], nsPerTick: number, summary: Summary): void {
    const endNs = (turn.ended ?? turn.exited) * nsPerTick;
    // After a long silence, what came before it is one interval.
    if (endNs - this.#beginNs >= INTERVAL_NS)
      this.flush(
        this.#beginNs + INTERVAL_NS * Math.floor((endNs - this.#beginNs) / INTERVAL_NS),
        summary,
        false,
      );
    this.#tally.add(turn, nsPerTick);
  }
}

async function addRecordings(run: Run, sources: readonly Source[], how: Reading): Promise<number> {
  const intervals = new Intervals(run, sources.map(({ name }) => name).join(", "));
  const { tool, signal, clock } = how;
  const turned = await readTurnsOf(tool, sources, signal, clock, (turn, nsPerTick, summary) => {
    intervals.add(turn, nsPerTick, summary);
  });
  const { summary, nsPerTick, status } = turned;
  intervals.flush(summary.ticks * nsPerTick, summary, true);
  // Both are told of already.
  if (signal.aborted) run.notes.push(INTERRUPTED);
  if (status === DAMAGED) run.notes.push("the recording is damaged: what can't be read of it is missing");
  return status;
}

/**
 * Adds up what files say: of each that has lines, one after the other; of recordings, merged by time.
 * @throws UsageError if one is neither, or says nothing
 */
export async function readRun(
  paths: readonly string[],
  selection: Selection,
  how: Reading,
): Promise<ReadRun> {
  checkOnce(paths);
  const run = new Run(selection, paths);
  const names = run.name;
  const later: Source[] = [];
  const cut = new Set<string>();
  for (const source of recordings(await inOrderOfTime(paths, how.signal), how.signal)) {
    const packed = withProgress(source.name, source.chunks);
    const { kind, chunks } = await sniff(source.name, packed, beginsRecording, () => {
      if (how.signal.aborted) return;
      const what = `${source.name} is cut off: what comes after its last whole block is missing`;
      tellMissing(how.tool, run, what);
      cut.add(source.name);
    });
    if (kind === "empty" && how.signal.aborted) continue;
    if (kind === "empty")
      throw new UsageError(`${source.name} is empty; name a file that --json wrote, or a recording`);
    if (kind === "other")
      throw new UsageError(
        `${source.name} is neither lines of --json nor a recording; name a file that --json or kvm-trace record wrote`,
      );
    if (kind === "lines") await addLines(run, source.name, chunks, how);
    else later.push({ ...source, chunks });
  }
  if (how.signal.aborted && later.length === 0 && !outputEnded()) tellMissing(how.tool, run, INTERRUPTED);
  const status = later.length > 0 ? await addRecordings(run, later, how) : 0;
  const others = run.exits.others + run.vmm.others;
  if (others > 0)
    diagnose(
      `${how.tool}: ${others} exits are counted as others: there were more vCPUs and reasons than are told apart`,
    );
  if (run.intervals === 0 && !how.signal.aborted)
    throw new UsageError(
      `${names}: there is no interval${selection.byTime ? " of that time; give other --since and --until" : "; name a file that --json wrote"}`,
    );
  for (const oddity of run.oddities) diagnose(`${how.tool}: ${names}: ${oddity}`);
  return { run, status: cut.size > 0 ? DAMAGED : status };
}
