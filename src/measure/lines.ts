// What a line of the tools' JSON says, and readings from such lines. The rendering writes what this reads.
import { ISA } from "../contract";
import { UsageError, messageOf } from "../errors";
import type { Vm } from "../host/vm";
import { rawReason } from "../reasons";
import { safeText } from "../text";
import type { Identity } from "./grouping";
import { bucketOf } from "./histogram";
import { type Lost, NOTHING_LOST, WAYS_OF_LOSS } from "./lost";
import type { Reading } from "./reading";
import { OTHERS, OTHERS_VM, vcpuKey } from "./roster";
import { type Counters, type Groups, type Samples, addToBucket, sampleAt, sampleKey } from "./samples";
import type { Time } from "./time";

/** The schema of the lines, docs/kvm-vmexit.schema.json: its number grows with each change that isn't an addition. */
export const SCHEMA = "kvm-vmexit/2";

/** The host whose exits they are. */
export interface Host {
  /** Release of its kernel. */
  readonly kernel: string;
  /** As uname -m says. */
  readonly machine: string;
  /** Model of its processor, "" where that is unknown. */
  readonly processor: string;
  /** Whose codes its exits have. */
  readonly isa: string;
  /** How the programs attached. */
  readonly attach: string;
}

/** What was asked for, as far as numbers depend on it; what is missing wasn't. */
export interface AskedFor {
  readonly by?: string;
  readonly timing?: boolean;
  readonly histograms?: boolean;
  readonly details?: boolean;
  readonly pids?: readonly number[];
  readonly vm?: string;
  readonly vcpus?: readonly number[];
  readonly reasons?: string;
  readonly excludes?: string;
  readonly idle?: string;
  /** Of slow exits. */
  readonly thresholdNs?: number;
}

/** Who wrote a line, and of what. */
export interface About {
  readonly tool: string;
  readonly version: string;
  /** Undefined where that is unknown, as of a recording. */
  readonly host: Host | undefined;
  readonly options: AskedFor;
}

/** A line of an interval, read back. */
export interface ReadLine extends About, Time {
  /** How many vCPUs had the exits; undefined where that is unknown. */
  readonly vcpus: number | undefined;
  readonly reading: Reading;
}

type Fields = Readonly<Record<string, unknown>>;

function fail(what: string): never {
  throw new UsageError(`no line of ${SCHEMA}: ${what}; name a file that --json wrote`, "E_FORMAT");
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${what} is no object`);
  return value as Fields;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : fail(`${what} is no list`);
}

function textOf(value: unknown, what: string): string {
  return typeof value === "string" ? value : fail(`${what} is no text`);
}

function wholeOf(value: unknown, what: string, least = 0): number {
  return Number.isInteger(value) && Number(value) >= least
    ? Number(value)
    : fail(`${what} is no whole number`);
}

function dateOf(value: unknown, what: string): Date {
  const date = new Date(textOf(value, what));
  return Number.isNaN(date.getTime()) ? fail(`${what} is no time`) : date;
}

function isaNumber(isa: string): number {
  const unknown = /^isa(\d{1,3})$/.exec(isa)?.[1];
  if (unknown !== undefined) return Number(unknown);
  return Object.hasOwn(ISA, isa) ? ISA[isa as keyof typeof ISA] : fail("isa is none");
}

function identityOf(exit: Fields): [string, Identity] {
  if (exit["vm"] === undefined) return ["", {}];
  const pid = wholeOf(exit["pid"], "pid");
  if (pid === OTHERS_VM.pid) return [OTHERS, { vm: OTHERS_VM }];
  const startNs = Number(exit["pidStartNs"]);
  const vm: Vm = { pid, startNs, name: textOf(exit["vm"], "vm"), source: "process" };
  const [vcpu, tid] = [exit["vcpu"], exit["tid"]];
  if (vcpu !== undefined) {
    const number = wholeOf(vcpu, "vcpu");
    return [vcpuKey(pid, startNs, number, 0), { vm, vcpu: number }];
  }
  if (tid === undefined) return [`${pid}:${startNs}:`, { vm }];
  const thread = wholeOf(tid, "tid");
  return [vcpuKey(pid, startNs, -1, thread), { vm, tid: thread }];
}

/** Adds what an exit's fields say of a level. */
function addLevel(counters: Counters, exit: Fields, level: "l1" | "l2"): void {
  const of = (name: string) =>
    exit[name] === undefined ? 0 : wholeOf(fieldsOf(exit[name], name)[level], `${name}.${level}`);
  counters.count += of("count");
  counters.timed += of("timed");
  counters.totalNs += of("timeNs");
  counters.maxNs = Math.max(counters.maxNs, of("maxNs"));
  if (exit["histogram"] === undefined) return;
  for (const row of listOf(fieldsOf(exit["histogram"], "histogram")[level], `histogram.${level}`)) {
    const [low, , count] = listOf(row, "a bucket");
    addToBucket(counters.buckets, bucketOf(wholeOf(low, "low")), wholeOf(count, "count"));
  }
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

/**
 * The reading that a line of JSON is.
 * @returns undefined of a line that is a slow exit
 * @throws UsageError if it is no line of this schema
 */
export function readLine(text: string): ReadLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail(safeText(messageOf(error)));
  }
  const line = fieldsOf(value, "it");
  if (line["schema"] !== SCHEMA)
    fail(`its schema is ${safeText(JSON.stringify(line["schema"] ?? null)).slice(0, 80)}`);
  if (line["slow"] !== undefined) return undefined;
  const vcpus = new Map<string, Identity>();
  const exits: Groups = new Map<string, Samples>();
  for (const each of listOf(line["exits"] ?? [], "exits")) {
    const exit = fieldsOf(each, "an exit");
    const [key, identity] = identityOf(exit);
    vcpus.set(key, identity);
    const isa = textOf(exit["isa"], "isa");
    const reason = wholeOf(exit["reason"], "reason", -(2 ** 31));
    const sample = sampleAt(exits, key, sampleKey(isaNumber(isa), rawReason(reason)), isa, reason);
    addLevel(sample.l1, exit, "l1");
    addLevel(sample.l2, exit, "l2");
    if (exit["l2"] !== undefined)
      sample.reflected += wholeOf(fieldsOf(exit["l2"], "l2")["reflected"], "l2.reflected");
  }
  const durationNs = wholeOf(line["durationNs"], "durationNs");
  const time = { start: dateOf(line["start"], "start"), end: dateOf(line["end"], "end"), durationNs };
  const host = line["host"] === null ? undefined : fieldsOf(line["host"], "host");
  return {
    ...time,
    final: line["final"] === true,
    tool: textOf(line["tool"], "tool"),
    version: textOf(line["version"], "version"),
    host: host && {
      kernel: textOf(host["kernel"], "kernel"),
      machine: textOf(host["machine"], "machine"),
      processor: textOf(host["processor"], "processor"),
      isa: textOf(host["isa"], "isa"),
      attach: textOf(host["attach"], "attach"),
    },
    options: fieldsOf(line["options"], "options"),
    vcpus: line["vcpus"] === undefined ? undefined : wholeOf(line["vcpus"], "vcpus"),
    reading: { ...time, number: 0, lost: lostOf(line["lost"]), vcpus, exits },
  };
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
  let rest = "";
  let number = 0;
  const parse = (text: string): ReadLine | undefined => {
    number++;
    if (text.trim() === "") return undefined;
    try {
      return readLine(text);
    } catch (error) {
      throw new UsageError(`line ${number}: ${messageOf(error)}`, "E_FORMAT");
    }
  };
  for await (const chunk of chunks) {
    const lines = (
      rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))
    ).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE)
      throw new UsageError(`line ${number + 1} is longer than ${MAX_LINE} characters`, "E_FORMAT");
    for (const text of lines) {
      const line = parse(text);
      if (line) yield line;
    }
  }
  rest += decoder.decode();
  if (onCut && !isWhole(rest)) onCut(rest.length);
  else {
    const last = parse(rest);
    if (last) yield last;
  }
}
