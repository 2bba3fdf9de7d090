// kvm-stat's command line: kvm_stat's options, read as its parser reads them.
import { Command, Option } from "commander";
import { UsageError } from "../../src/errors";
import { safeText } from "../../src/text";
import { type OptionForm, readArguments } from "../../src/python/arguments";
import type { Processes } from "../../src/stat/guests";
import { keyLines } from "../../src/stat/help-screen";
import {
  DELAY_DEFAULT,
  DELAY_RANGE,
  Refusal,
  checkOptions,
  readFloating,
  readInteger,
  type StatOptions,
} from "../../src/stat/options";
import { version } from "../lib/options";
import { parserOutput } from "../lib/output";
import { OVERHEAD_HELP } from "../lib/overhead";

type ProcessTable = Pick<Processes, "pidsOf" | "isRunning">;

/** The long options that kvm_stat doesn't have. */
const ADDED: ReadonlySet<string> = new Set(["--overhead", "--version"]);

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
};

const EXAMPLES = `
Keys:
${keyLines().join("\n")}

Examples:
  kvm-stat                       show all tracepoints of KVM, as top does
  kvm-stat -d -p 4242            show one VM's counters from debugfs
  kvm-stat -1 -f 'kvm_exit\\('    count exits by reason for a second
  kvm-stat -l -s 10 -z           a line each 10 seconds, if anything happened
  kvm-stat -cz -L exits.csv      keep a CSV file
  kvm-stat -f help               list what can be counted`;

function guestPid(name: string, processes: ProcessTable): number {
  const pids = processes.pidsOf(name);
  if (pids.length > 1)
    throw new Refusal(
      `Error: Multiple processes found (pids: ${pids.join(" ")}). Use "-p" to specify the desired pid`,
    );
  return pids[0] ?? refuse(`Error: No guest by the name "${safeText(name)}" found`);
}

function refuse(message: string): never {
  throw new Refusal(message);
}

function program(): Command {
  return new Command("kvm-stat")
    .description(
      "Shows what KVM's VMs do: counts of its tracepoints, and of their reasons, or its debugfs counters.",
    )
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .configureHelp({ helpWidth: 80 })
    .addHelpText("after", EXAMPLES)
    .configureOutput(parserOutput("kvm-stat"))
    .exitOverride()
    .addOption(new Option("-1, --once", "run in batch mode for one second (also --batch)"))
    .addOption(new Option("--batch").hideHelp())
    .addOption(new Option("-c, --csv", "log in csv format - requires option -l/-L"))
    .addOption(new Option("-d, --debugfs", "retrieve statistics from debugfs"))
    .addOption(
      new Option("-f, --fields <regex>", 'fields to display (Python regex); "-f help" lists them').default(
        "",
      ),
    )
    .addOption(new Option("-g, --guest <name>", "restrict statistics to guest by name"))
    .addOption(
      new Option("-i, --debugfs-include-past", "include all available data on past events for debugfs"),
    )
    .addOption(new Option("-l, --log", "run in logging mode (like vmstat)"))
    .addOption(new Option("-L, --log-to-file <file>", "like --log, but logging to a file"))
    .addOption(new Option("-p, --pid <pid>", "restrict statistics to pid"))
    .addOption(
      new Option("-s, --set-delay <sec>", `set delay between refreshes (${DELAY_RANGE})`).default(
        DELAY_DEFAULT,
      ),
    )
    .addOption(new Option("-t, --tracepoints", "retrieve statistics from tracepoints"))
    .addOption(new Option("-z, --skip-zero-records", "omit records with all zeros in logging mode"))
    .addOption(new Option("--overhead", OVERHEAD_HELP));
}

/** The options' names as kvm_stat's parser knows them. */
function formsOf(command: Command): OptionForm[] {
  const forms = command.options
    .filter((option) => option.long !== "--batch")
    .map((option): OptionForm => {
      const names = [option.short, option.long].filter((name) => name !== undefined);
      if (option.long === "--once") names.push("--batch");
      return { names, takesValue: option.required, added: ADDED.has(option.long ?? "") };
    });
  return [{ names: ["-h", "--help"], takesValue: false }, ...forms];
}

/**
 * The options that a command line asks for, checked.
 * @throws Refusal, UsageError; CommanderError once the help or the version is printed
 */
export function parseStatOptions(argv: readonly string[], processes: ProcessTable): StatOptions {
  const command = program();
  const options: StatOptions = { ...DEFAULTS };
  const readers: Readonly<Record<string, (value: string) => unknown>> = {
    "-h": () => command.parse(["-h"], { from: "user" }),
    "-V": () => command.parse(["-V"], { from: "user" }),
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
  };
  readArguments(argv, formsOf(command), ({ names }, value) => readers[names[0] ?? ""]?.(value));
  if (options.pid < 0) throw new UsageError(`argument -p/--pid: there is no process ${options.pid}`);
  checkOptions(options, (id) => processes.isRunning(id));
  return options;
}
