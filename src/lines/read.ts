// SPDX-License-Identifier: MIT
// Lines of the tools' JSON, read back. The rendering writes what this reads.
import { UsageError, messageOf } from "../errors";
import { type About, type AskedFor, type Host, SCHEMA } from "../measure/lines";
import { type Lost, NOTHING_LOST, WAYS_OF_LOSS } from "../measure/lost";
import type { Reading } from "../measure/reading";
import type { Time } from "../measure/time";
import type { SplitGroup } from "../split/groups";
import { safeText } from "../text";
import { clockOf } from "./clocks";
import { Exits } from "./exits";
import { atMost, dateOf, fail, fieldsOf, flagOf, listOf, nsOf, textOf, wholeOf } from "./fields";
import { LongLine, parseJson } from "./long-line";

/** A line of an interval, read back. */
export interface ReadLine extends About, Time {
  /** How many vCPUs had the exits; undefined where that is unknown. */
  readonly vcpus: number | undefined;
  /** Without exits where the line is one of kvm-vmexit split. */
  readonly reading: Reading;
  /** How the vCPUs' time was split; undefined where the line is of exits. */
  readonly split: readonly SplitGroup[] | undefined;
}

function lostOf(value: unknown): Lost | undefined {
  if (value === null) return undefined;
  const fields = fieldsOf(value, "lost");
  const lost: Record<string, number> = { ...NOTHING_LOST };
  for (const way of WAYS_OF_LOSS) lost[way] = wholeOf(fields[way] ?? 0, `lost.${way}`);
  if (fields["eventsUnwritten"] !== undefined)
    lost["eventsUnwritten"] = wholeOf(fields["eventsUnwritten"], "lost.eventsUnwritten");
  return { ...NOTHING_LOST, ...lost };
}

function hostOf(value: unknown): Host | undefined {
  if (value === null) return undefined;
  const host = fieldsOf(value, "host");
  const text = (name: string) => textOf(host[name], name);
  const { haltPollNs, apicVirtualised, isolatedCpus, isolatedVms } = host;
  return {
    kernel: text("kernel"),
    machine: text("machine"),
    processor: text("processor"),
    isa: text("isa"),
    attach: text("attach"),
    ...(haltPollNs === undefined ? {} : { haltPollNs: nsOf(haltPollNs, "haltPollNs") }),
    ...(apicVirtualised === undefined ? {} : { apicVirtualised: flagOf(apicVirtualised, "apicVirtualised") }),
    ...(isolatedCpus === undefined ? {} : { isolatedCpus: textOf(isolatedCpus, "isolatedCpus") }),
    ...(isolatedVms === undefined ? {} : { isolatedVms: wholeOf(isolatedVms, "isolatedVms") }),
  };
}

/** Most options, and most values of a list among the options. */
const MAX_OPTIONS = 64;
const MAX_VALUES = 4096;

/** The options of which more can be kept than are known here: texts, numbers and lists of numbers. */
function optionsOf(value: unknown): AskedFor {
  const options = Object.entries(fieldsOf(value, "options"));
  if (options.length > MAX_OPTIONS) fail(`there are more than ${MAX_OPTIONS} options`);
  for (const [name, option] of options) {
    if (typeof option === "string") textOf(option, name);
    else if (Array.isArray(option)) {
      if (option.length > MAX_VALUES) fail(`${name} has more than ${MAX_VALUES} values`);
      for (const each of option) wholeOf(each, name);
    } else if (typeof option !== "boolean" && typeof option !== "number") fail(`${name} is no option`);
  }
  return Object.fromEntries(options);
}

/** What the rows of a line say. */
class Rows {
  readonly exits = new Exits();
  readonly clocks: SplitGroup[] = [];

  add(list: "exits" | "split", row: unknown): void {
    if (list === "exits") this.exits.add(row);
    else this.clocks.push(clockOf(row));
  }

  addAll(list: "exits" | "split", rows: unknown): void {
    for (const row of listOf(rows ?? [], list)) this.add(list, row);
  }
}

/** The reading that a line is. @param rows what the rows say that aren't in `value` */
function lineOf(value: unknown, rows: Rows): ReadLine | undefined {
  const line = fieldsOf(value, "it");
  if (line["schema"] !== SCHEMA)
    fail(`its schema is ${safeText(JSON.stringify(line["schema"] ?? null)).slice(0, 80)}`);
  if (line["slow"] !== undefined) return undefined;
  rows.addAll("exits", line["exits"]);
  rows.addAll("split", line["split"]);
  const { vcpus, exits, told } = rows.exits;
  const durationNs = nsOf(line["durationNs"], "durationNs");
  const time = { start: dateOf(line["start"], "start"), end: dateOf(line["end"], "end"), durationNs };
  const count = line["vcpus"] === undefined ? undefined : wholeOf(line["vcpus"], "vcpus");
  if (count !== undefined) atMost(told, count, "the number of vCPUs with exits", "vcpus");
  return {
    ...time,
    final: line["final"] === true,
    tool: textOf(line["tool"], "tool"),
    version: textOf(line["version"], "version"),
    host: hostOf(line["host"]),
    options: optionsOf(line["options"]),
    vcpus: count,
    reading: { ...time, number: 0, lost: lostOf(line["lost"]), vcpus, exits },
    split: line["split"] === undefined ? undefined : rows.clocks,
  };
}

/**
 * The reading that a line of JSON is.
 * @returns undefined of a line that is a slow exit
 * @throws UsageError if it is no line of this schema
 */
export function readLine(text: string): ReadLine | undefined {
  return lineOf(parseJson(text), new Rows());
}

/** Whether a line without a line break is all of it. */
function isWhole(text: string): boolean {
  try {
    if (text.trim() !== "") JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A line as its text comes: one that gets long is taken row by row, so that reading it waits for nothing long. */
class ComingLine {
  length = 0;
  readonly #pieces: string[] = [];
  readonly #rows = new Rows();
  #long: LongLine | undefined;

  add(piece: string): void {
    this.length += piece.length;
    if (this.#long) this.#long.feed(piece);
    else this.#pieces.push(piece);
    if (this.#long || this.length <= LONG) return;
    this.#long = new LongLine((list, row) => {
      this.#rows.add(list, row);
    });
    this.#long.feed(this.#pieces.join(""));
  }

  get isWhole(): boolean {
    return this.#long?.frame.isWhole ?? isWhole(this.#pieces.join(""));
  }

  /** @throws UsageError if it is none of this schema */
  read(): ReadLine | undefined {
    if (this.#long) return lineOf(parseJson(this.#long.frame.text), this.#rows);
    const text = this.#pieces.join("");
    return text.trim() === "" ? undefined : readLine(text);
  }
}

/** Lines up to so many characters are parsed at once. */
const LONG = 2 ** 20;
/** Longer ones are refused: a line has some 200 bytes for each exit reason of each vCPU, with histograms 2,000. */
const MAX_LINE = 2 ** 28;

/**
 * The readings of a file of lines, in order; lines of slow exits are left out.
 * @param chunks its text or bytes, such as a stream
 * @param onCut is told of a last line that was cut off, as by the end of its writer, and how long it is; without, it is an error
 * @throws UsageError at a line that is none of this schema, with its number
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
  onCut?: (characters: number) => void,
): AsyncGenerator<ReadLine, void, void> {
  const decoder = new TextDecoder();
  let line = new ComingLine();
  let number = 1;
  const numbered = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new UsageError(`line ${number}: ${messageOf(error)}`, "E_FORMAT");
    }
  };
  const add = (text: string) => {
    numbered(() => {
      line.add(text);
    });
    if (line.length > MAX_LINE)
      throw new UsageError(`line ${number} is longer than ${MAX_LINE} characters`, "E_FORMAT");
  };
  for await (const chunk of chunks) {
    const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      add(text.slice(from, end));
      from = end + 1;
      const whole = line;
      line = new ComingLine();
      const reading = numbered(() => whole.read());
      number++;
      if (reading) yield reading;
    }
    add(text.slice(from));
  }
  add(decoder.decode());
  if (onCut && !line.isWhole) onCut(line.length);
  else {
    const last = numbered(() => line.read());
    if (last) yield last;
  }
}
