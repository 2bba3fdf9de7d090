// SPDX-License-Identifier: MIT
// kvm-trace record: writes KVM's events to a file until Ctrl-C, a time, a size or a command's end.
import { MAX_PIDS } from "../../src/contract";
import { UsageError } from "../../src/errors";
import { EVENT_BYTES, openRecorder } from "../../src/native/trace";
import { requireHostPids } from "../../src/host/pid-namespace";
import { Machine } from "../../src/host/machine";
import { TRACING, preflight } from "../../src/host/preflight";
import { KINDS } from "../../src/trace/kinds";
import { DURATION, OVERHEAD, STRICT, added, wholeNumber } from "../lib/options";
import { diagnose } from "../lib/output";
import { type Meter, withOverhead } from "../lib/overhead";
import { dropPowers } from "../lib/powers";
import type { Status } from "../lib/run";
import { stopOnSignals } from "../lib/stop";
import { COMMAND_USER, TracedCommand, checkUser } from "../lib/traced-command";
import { type Options, type OptionsOf, defineCommand } from "../lib/tool";
import { DEFAULT_RECORDING } from "./default-recording";
import { Recording, pump } from "./recording";
import { RecordingFile } from "./recording-file";

const STRICT_STATUS = 3;

/** 2 MiB: 128 CPUs have 256 MiB together. */
const DEFAULT_RING_SHIFT = 15;
/** More than any file has. */
const MAX_BYTES = 2 ** 50;
const MAX_PID = 4_194_304;
const NAMES: readonly string[] = [...new Set(KINDS.map((kind) => kind.name))];

/** A number of bytes, such as 500M. */
function size(what: string, text: string, min: number, max: number): number {
  const match = /^(\d{1,12})([KMGT]?)$/i.exec(text);
  const power = " KMGT".indexOf((match?.[2] ?? "").toUpperCase() || " ");
  const bytes = match ? Number(match[1]) * 1024 ** power : NaN;
  if (!(bytes >= min && bytes <= max))
    throw new UsageError(`${what} takes a size from ${min} to ${max} bytes, such as 64M, not "${text}"`);
  return bytes;
}

function eventNames(list: string): string[] {
  const names = list.split(",").map((name) => name.trim());
  for (const name of names)
    if (!NAMES.includes(name))
      throw new UsageError(`--events knows no "${name}"; there are ${NAMES.join(", ")}`);
  return names;
}

function pids(text: string): number[] {
  return text.split(",").map((pid) => wholeNumber("--pid", pid.trim(), 1, MAX_PID));
}

/** The logarithm of how many events a buffer of so many bytes has to hold. */
function ringShift(bytes: number): number {
  return Math.ceil(Math.log2(bytes / EVENT_BYTES));
}

const OPTIONS = {
  output: {
    flags: ["-o", "--output"],
    value: "FILE",
    kind: "file",
    description: "where to write",
    default: DEFAULT_RECORDING,
  },
  pid: {
    flags: ["-p", "--pid"],
    value: "PIDS",
    kind: "pids",
    description: `only VMs of these processes, separated by commas; ${MAX_PIDS} at most`,
    parse: added("--pid", MAX_PIDS, pids),
    repeats: true,
  },
  events: {
    flags: ["--events"],
    value: "LIST",
    description: `only these, separated by commas: ${NAMES.join(", ")}`,
    parse: added("--events", NAMES.length, eventNames),
    repeats: true,
  },
  ...DURATION,
  maxSize: {
    flags: ["--max-size"],
    value: "SIZE",
    description: "end when the file has so many bytes, such as 500M, from 4K",
    parse: (text: string) => size("--max-size", text, 4096, MAX_BYTES),
  },
  buffer: {
    flags: ["--buffer"],
    value: "SIZE",
    description: "memory for each CPU's events until they are written, in bytes from 4K to 64M (default: 2M)",
    parse: (text: string) => ringShift(size("--buffer", text, 4096, 2 ** 26)),
  },
  ...STRICT,
  ...COMMAND_USER,
  ...OVERHEAD,
} as const satisfies Options;

type RecordOptions = OptionsOf<typeof OPTIONS>;

/** The numbers of the kinds of these names. */
function kindsOf(names: readonly string[]): Uint32Array {
  return Uint32Array.from(
    [...KINDS.entries()].filter(([, { name }]) => names.includes(name)),
    ([kind]) => kind,
  );
}

async function record(
  tool: string,
  options: RecordOptions,
  toRun: readonly string[],
  meter: Meter,
): Promise<Status> {
  checkUser(options.user, toRun);
  const machine = new Machine();
  preflight(machine, TRACING);
  if (options.pid) requireHostPids("--pid");
  const stop = stopOnSignals();
  const file = new RecordingFile(options.output, options.maxSize ?? MAX_BYTES);
  const pids = options.pid ? { pids: Uint32Array.from(options.pid) } : {};
  const recorder = openRecorder(
    { kinds: kindsOf(options.events ?? NAMES), ...pids, ringShift: options.buffer ?? DEFAULT_RING_SHIFT },
    machine,
  );
  let traced: TracedCommand | undefined;
  try {
    meter.begin();
    diagnose("Recording... Hit Ctrl-C to end.");
    const began = new Date();
    traced = TracedCommand.run({ command: toRun, user: options.user, output: 1 }, stop);
    await traced?.started;
    // A CPU that comes online gets a ring, which is a map.
    dropPowers({ names: true, maps: true, makesMaps: true, command: traced !== undefined });
    // Only now: a command that can't be run leaves an earlier recording as it is.
    const recording = new Recording(recorder, file, began);
    try {
      try {
        await pump(recording, stop, options.duration, options.strict === "now");
      } finally {
        recording.finish();
      }
    } finally {
      diagnose(recording.summary(tool, options.output).join("\n"));
      meter.report();
    }
    const status = await traced?.finish();
    return options.strict !== undefined && recording.incomplete && !status ? STRICT_STATUS : status;
  } catch (error) {
    // A command that still runs is asked to end, however the recording ended.
    await traced?.finish();
    throw error;
  } finally {
    recorder.close();
  }
}

export const tool = defineCommand({
  summary: "Records KVM's events into a file, in kvmtrace's format.",
  examples: [
    ["", "everything, until Ctrl-C"],
    ["-p 4242 -d 10 -o vm.bin", "one VM, for ten seconds"],
    ["--events exit,entry,msr", "exits and what MSRs they are for"],
    ["--max-size 1G -- make bench", "while it runs, 1 GiB at most"],
  ],
  operands: [],
  options: OPTIONS,
  runsCommand: true,
  run: ({ name, options, command }) =>
    withOverhead(options.overhead, (meter) => record(name, options, command, meter)),
});
