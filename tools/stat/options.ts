// SPDX-License-Identifier: MIT
// kvm-stat's command line: kvm_stat's options, read as its parser reads them.
import { UsageError } from "../../src/errors";
import { type OptionForm, readArguments } from "../../src/python/arguments";
import type { Processes } from "../../src/stat/guests";
import {
  DELAY_DEFAULT,
  DELAY_RANGE,
  Refusal,
  checkOptions,
  readFloating,
  readInteger,
  type StatOptions,
} from "../../src/stat/options";
import { quoted } from "../../src/text";
import { HELP, VERSION } from "../lib/command-line";
import { OVERHEAD } from "../lib/options";
import { Asked, type Option, type Options } from "../lib/tool";

type ProcessTable = Pick<Processes, "pidsOf" | "isRunning">;

const DEFAULTS: Readonly<StatOptions> = {
  once: false,
  csv: false,
  debugfs: false,
  fields: "",
  debugfsIncludePast: false,
  log: false,
  logToFile: "",
  pid: 0,
  setDelay: DELAY_DEFAULT,
  tracepoints: false,
  skipZeroRecords: false,
  overhead: false,
  utcOffset: false,
  durationNs: false,
};

/** The options as help, man page and completions describe them. */
export const STAT_OPTIONS = {
  once: { flags: ["-1", "--once", "--batch"], description: "run in batch mode for one second" },
  csv: { flags: ["-c", "--csv"], description: "log in csv format - requires option -l/-L" },
  debugfs: { flags: ["-d", "--debugfs"], description: "retrieve statistics from debugfs" },
  fields: {
    flags: ["-f", "--fields"],
    value: "REGEX",
    description: 'fields to display (Python regex); "-f help" lists them',
  },
  guest: { flags: ["-g", "--guest"], value: "NAME", description: "restrict statistics to guest by name" },
  debugfsIncludePast: {
    flags: ["-i", "--debugfs-include-past"],
    description: "include all available data on past events for debugfs",
  },
  log: { flags: ["-l", "--log"], description: "run in logging mode (like vmstat)" },
  logToFile: {
    flags: ["-L", "--log-to-file"],
    value: "FILE",
    kind: "file",
    description: "like --log, but logging to a file",
  },
  pid: { flags: ["-p", "--pid"], value: "PID", kind: "pids", description: "restrict statistics to pid" },
  setDelay: {
    flags: ["-s", "--set-delay"],
    value: "SEC",
    description: `set delay between refreshes (${DELAY_RANGE})`,
    default: DELAY_DEFAULT,
  },
  tracepoints: { flags: ["-t", "--tracepoints"], description: "retrieve statistics from tracepoints" },
  skipZeroRecords: {
    flags: ["-z", "--skip-zero-records"],
    description: "omit records with all zeros in logging mode",
  },
  utcOffset: {
    flags: ["--utc-offset"],
    description: "write times in logs with their offset from UTC, such as +01:00",
  },
  durationNs: {
    flags: ["--duration-ns"],
    description: "with -c: a last column, the length of each interval on a clock that is never set",
  },
  ...OVERHEAD,
} as const satisfies Options;

/** Options that kvm_stat doesn't have. */
const ADDED: readonly Option[] = [
  STAT_OPTIONS.overhead,
  STAT_OPTIONS.utcOffset,
  STAT_OPTIONS.durationNs,
  VERSION,
];

/** The options' names as kvm_stat's parser knows them. */
const FORMS = [HELP, VERSION, ...Object.values(STAT_OPTIONS)].map((option: Option): OptionForm => ({
  names: option.flags,
  takesValue: option.value !== undefined,
  added: ADDED.includes(option),
}));

function guestPid(name: string, processes: ProcessTable): number {
  const pids = processes.pidsOf(name);
  if (pids.length > 1)
    throw new Refusal(
      `Error: Multiple processes found (pids: ${pids.join(" ")}). Use "-p" to specify the desired pid`,
    );
  return pids[0] ?? refuse(`Error: No guest by the name ${quoted(name)} found`);
}

function refuse(message: string): never {
  throw new Refusal(message);
}

/**
 * The options that a command line asks for, checked.
 * @throws Refusal, UsageError; Asked for the help or the version
 */
export function parseStatOptions(argv: readonly string[], processes: ProcessTable): StatOptions {
  const options: StatOptions = { ...DEFAULTS };
  const readers: Readonly<Record<string, (value: string) => unknown>> = {
    "-h": () => {
      throw new Asked("help");
    },
    "-V": () => {
      throw new Asked("version");
    },
    "-1": () => (options.once = true),
    "-c": () => (options.csv = true),
    "-d": () => (options.debugfs = true),
    "-f": (value) => (options.fields = value),
    "-g": (value) => (options.pid = guestPid(value, processes)),
    "-i": () => (options.debugfsIncludePast = true),
    "-l": () => (options.log = true),
    "-L": (value) => (options.logToFile = value),
    "-p": (value) => (options.pid = readInteger(value, "-p/--pid")),
    "-s": (value) => (options.setDelay = readFloating(value, "-s/--set-delay")),
    "-t": () => (options.tracepoints = true),
    "-z": () => (options.skipZeroRecords = true),
    "--overhead": () => (options.overhead = true),
    "--utc-offset": () => (options.utcOffset = true),
    "--duration-ns": () => (options.durationNs = true),
  };
  readArguments(argv, FORMS, ({ names }, value) => readers[names[0] ?? ""]?.(value));
  if (options.pid < 0) throw new UsageError(`argument -p/--pid: there is no process ${options.pid}`);
  checkOptions(options, (id) => processes.isRunning(id));
  return options;
}
