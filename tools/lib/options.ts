// SPDX-License-Identifier: MIT
// The options that all tools share, as data, and how their values are checked.
import { DEFAULT_VCPUS, MAX_PIDS, MAX_VCPUS, MAX_VCPU_IDS } from "../../src/contract";
import { UsageError } from "../../src/errors";
import { GROUPINGS } from "../../src/measure/grouping";
import { UNITS } from "../../src/render/units";
import type { Pace } from "../../src/intervals";
import { parseVcpus } from "../../src/host/vcpus";
import type { AttachMode } from "../../src/native/vmexit";
import { type Options, type OptionsOf, under } from "./tool";
import { COMMAND_USER } from "./traced-command";

const MAX_SECONDS = 365 * 24 * 3600;
// PID_MAX_LIMIT of the kernel is 2^22.
const MAX_PID = 2 ** 22;

/** A whole number of `min` to `max`; anything else is refused in one line that names `what`. */
export function wholeNumber(what: string, text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max))
    throw new UsageError(`${what} takes a whole number from ${min} to ${max}, not "${text}"`);
  return value;
}

/** Seconds, fractions allowed, up to a year. */
export function seconds(what: string, text: string): number {
  const value = /^(\d{1,9}(\.\d{0,9})?|\.\d{1,9})$/.test(text) ? Number(text) : NaN;
  if (!(value >= 0.001 && value <= MAX_SECONDS))
    throw new UsageError(`${what} takes seconds from 0.001 to ${MAX_SECONDS}, not "${text}"`);
  return value;
}

/** A list's option may be given several times: the lists add up, to `most` values. */
export function added<T>(
  what: string,
  most: number,
  parse: (text: string) => readonly T[],
): (text: string, before?: readonly T[]) => readonly T[] {
  return (text, before = []) => {
    const all = [...new Set([...before, ...parse(text)])];
    if (all.length > most)
      throw new UsageError(`${what} takes ${most} at most, not ${all.length}; name fewer`);
    return all;
  };
}

/** Lists whose words are checked later add up as text. */
function addedText(text: string, before?: string): string {
  return before === undefined ? text : `${before.replace(/,$/, "")},${text}`;
}

function pids(text: string): number[] {
  const words = text.split(",");
  if (words.length > 1 && words.at(-1) === "") words.pop();
  return [...new Set(words.map((word) => wholeNumber("--pid", word.trim(), 1, MAX_PID)))];
}

function vmName(text: string, before?: string): string {
  if (before !== undefined)
    throw new UsageError("--vm is given twice; give one name, uuid or pid, or a pattern such as web-*");
  if (text === "")
    throw new UsageError(`--vm takes a VM's name, uuid or pid, or a pattern such as web-*, not ""`);
  return text;
}

/** Which exits to show. */
export const FILTERS = under("filters", {
  pid: {
    flags: ["-p", "--pid"],
    value: "PIDS",
    kind: "pids",
    description: `only VMs of these processes, separated by commas; ${MAX_PIDS} at most`,
    parse: added("--pid", MAX_PIDS, pids),
    repeats: true,
  },
  vm: {
    flags: ["--vm"],
    value: "NAME",
    kind: "vms",
    description: "only the VMs of this name or of names like web-*, or the one with this uuid or pid",
    parse: vmName,
  },
  vcpu: {
    flags: ["--vcpu"],
    value: "LIST",
    description: `only vCPUs with these ids, such as 0,2-5; ${MAX_VCPU_IDS} at most`,
    parse: added("--vcpu", MAX_VCPU_IDS, (text) => parseVcpus("--vcpu", text)),
    repeats: true,
  },
  reasons: {
    flags: ["--reasons"],
    value: "REASONS",
    kind: "reasons",
    description: "only these exit reasons, names or numbers separated by commas",
    parse: addedText,
    repeats: true,
  },
  excludes: {
    flags: ["--excludes"],
    value: "REASONS",
    kind: "reasons",
    description: "leave out these exit reasons",
    parse: addedText,
    repeats: true,
  },
});

/** `--details`, what exits were about. */
export const DETAILS = {
  details: {
    flags: ["--details"],
    description:
      "also what exits were about: which MSR, port, address, CPUID leaf, hypercall, with 48 KiB more for each of --max-vcpus; --reasons MSR:0x6e0 picks one",
  },
} as const satisfies Options;

/** Which time handling takes. */
export const NET = {
  net: {
    flags: ["--net"],
    description: "leave out of times what the vCPU slept or waited for a CPU, within KVM_RUN",
  },
} as const satisfies Options;

/** `--unit`, in which tables show times. */
export const UNIT = under("output", {
  unit: {
    flags: ["--unit"],
    value: "UNIT",
    description: "unit of times in tables",
    choices: UNITS,
    default: "ns",
  },
});

/** In which form to print. */
export const OUTPUT = under("output", {
  json: { flags: ["--json"], description: "print JSON, one object a line" },
  csv: { flags: ["--csv"], description: "print CSV, the headings first", conflicts: ["json"] },
  utcOffset: {
    flags: ["--utc-offset"],
    description: "with --csv: local times with their offset from UTC, in place of UTC",
  },
  ...UNIT,
  header: { flags: ["--no-header"], description: "leave out headings", default: true },
});

/** How long to trace. */
export const DURATION = under("tracing", {
  duration: {
    flags: ["-d", "--duration"],
    value: "SEC",
    description: "end after so many seconds, from 0.001 to a year",
    parse: (text: string) => seconds("--duration", text),
  },
});

/** What tracing costs, as the kernel measures it. */
export const OVERHEAD = under("tracing", {
  overhead: {
    flags: ["--overhead"],
    description: "print on stderr, at the end, what tracing cost, as the kernel measured it",
  },
});

/** What a loss does to the exit status. */
export const STRICT = under("tracing", {
  strict: {
    flags: ["--strict"],
    value: "WHEN",
    description: "end with status 3 if anything was lost; with =now at the first loss",
    choices: ["end", "now"],
    implied: "end",
  },
});

/** How to trace exits. */
export const TRACING = under("tracing", {
  ...STRICT,
  attach: {
    flags: ["--attach"],
    value: "HOW",
    description:
      "direct: read KVM's structs through BTF; raw: what raw tracepoints give before Linux 5.16; record: read the tracepoints' payloads",
    choices: ["auto", "direct", "raw", "record"],
    default: "auto",
  },
  maxVcpus: {
    flags: ["--max-vcpus"],
    value: "N",
    description: `how many vCPUs can be counted apart at a time, from 1 to ${MAX_VCPUS}; each takes 9.5 KiB, or 31 with histograms`,
    parse: (text: string) => wholeNumber("--max-vcpus", text, 1, MAX_VCPUS),
    default: DEFAULT_VCPUS,
  },
  ...OVERHEAD,
  verbose: {
    flags: ["-v", "--verbose"],
    description: "print on stderr how the programs attached, and what libbpf logs",
  },
});

/**
 * For what programs on raw tracepoints don't learn, by the option that asks for it.
 * @throws UsageError where these programs are asked for, too
 */
export function refuseRaw(attach: AttachMode, asked: Readonly<Record<string, boolean>>): void {
  if (attach !== "raw") return;
  for (const [what, isAsked] of Object.entries(asked))
    if (isAsked)
      throw new UsageError(`${what} needs another way to attach than --attach raw; leave that out`);
}

/** @throws UsageError where something that attaches in one way only is to attach in another */
export function requireAttach(what: string, way: AttachMode, attach: AttachMode): void {
  if (attach !== way && attach !== "auto") throw new UsageError(`${what} needs --attach ${way}, or auto`);
}

/** How the split's programs attach where those of exits attach so. */
export const SPLIT_ATTACH = { auto: "auto", direct: "direct", raw: "probe", record: "probe" } as const;

/** What all tools take that trace exits. */
export const SHARED = { ...FILTERS, ...DURATION, ...OUTPUT, ...COMMAND_USER, ...TRACING } as const;

const { pid, vm, vcpu } = FILTERS;
const { maxVcpus, verbose } = TRACING;

/** What the split of vCPUs' time takes: no reasons, and ways to attach of its own. */
export const SPLIT = under("tracing", {
  pid,
  vm,
  vcpu,
  ...DURATION,
  ...OUTPUT,
  ...COMMAND_USER,
  ...STRICT,
  attach: {
    flags: ["--attach"],
    value: "HOW",
    description: "direct: to KVM's functions through BTF; probe: by kprobes and raw tracepoints",
    choices: ["auto", "direct", "probe"],
    default: "auto",
  },
  maxVcpus: {
    ...maxVcpus,
    description: `how many vCPUs there can be at a time, from 1 to ${MAX_VCPUS}; each takes 7 KiB`,
  },
  ...OVERHEAD,
  verbose,
});

export type SplitOptions = OptionsOf<typeof SPLIT>;

/** Groups that get a table each. */
export const BY = {
  by: {
    flags: ["--by"],
    value: "WHAT",
    description: "one table for all, or one for each VM or vCPU",
    choices: GROUPINGS,
    default: "reason",
  },
} as const satisfies Options;

/** Most conditions of a command line. */
const MAX_CONDITIONS = 100;

/** Limits that a run must keep; see checks.ts. */
export const CHECKS = under("limits", {
  failIf: {
    flags: ["--fail-if"],
    value: "CONDITION",
    description: "end with status 4 if so: 'max(MSR) > 20us', 'rate(HLT) > 100/s', 'p99 > 5us'",
    parse: (text: string, before: readonly string[] = []): readonly string[] => {
      if (before.length >= MAX_CONDITIONS)
        throw new UsageError(`--fail-if can be given ${MAX_CONDITIONS} times`);
      return [...before, text];
    },
    repeats: true,
  },
  junit: {
    flags: ["--junit"],
    value: "FILE",
    kind: "file",
    description: "also write what came of --fail-if to a file, as JUnit XML",
  },
});

export type CheckOptions = OptionsOf<typeof CHECKS>;

/** Faults that the numbers show; see src/advice/. */
export const ADVISE = under("limits", {
  advise: {
    flags: ["--advise"],
    description: "also say which faults the numbers show, what to try, and how to see that it helped",
  },
});

/** What is done with all of a run at its end. */
export type EndOptions = CheckOptions & Partial<OptionsOf<typeof ADVISE>>;

/** Values of the shared options. */
export type SharedOptions = OptionsOf<typeof SHARED>;

/** Which exits a user wants to see. */
export type FilterOptions = OptionsOf<typeof FILTERS>;

/** What tables are printed at, and how many. */
export const INTERVAL = [
  {
    name: "interval",
    description: "seconds between tables, from 0.001 to a year; without it one table at the end",
  },
  { name: "count", description: "how many tables; without it until Ctrl-C" },
] as const;

/** When tables are printed. */
export interface Interval {
  /** Seconds between two tables; undefined: one, at the end. */
  readonly interval: number | undefined;
  /** How many; undefined: until something else ends the run. */
  readonly count: number | undefined;
}

/** The same for intervals(). */
export function paceOf({ interval, count }: Interval): Pace {
  return {
    ...(interval === undefined ? {} : { intervalMs: interval * 1000 }),
    ...(count === undefined ? {} : { count }),
  };
}

/** Reads the operands of INTERVAL. */
export function parseInterval([interval, count]: readonly string[]): Interval {
  return {
    interval: interval === undefined ? undefined : seconds("the interval", interval),
    count: count === undefined ? undefined : wholeNumber("the count", count, 1, 1e9),
  };
}
