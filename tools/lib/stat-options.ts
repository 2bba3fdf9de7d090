// kvm-stat's command line: kvm_stat's options, read as its parser reads them.
import { Command, Option } from "commander";
import { UsageError } from "../../src/errors";
import type { Processes } from "../../src/stat/guests";
import { OVERHEAD_HELP } from "./overhead";

type ProcessTable = Pick<Processes, "pidsOf" | "isRunning">;

import { keyLines } from "../../src/stat/help-screen";
import {
  DELAY_DEFAULT,
  DELAY_RANGE,
  Refusal,
  checkOptions,
  readFloating,
  readInteger,
  readWords,
  type StatOptions,
} from "../../src/stat/options";
import { parserOutput } from "./output";

const EXAMPLES = `
Keys:
${keyLines().join("\n")}

Examples:
  kvm-stat                       show all tracepoints of KVM, as top does
  kvm-stat -d -p 4242            show one VM's counters from debugfs
  kvm-stat -1 -f 'kvm_exit\\('    count exits by reason for a second
  kvm-stat -l -s 10 -z           print a line each 10 seconds, if anything happened
  kvm-stat -cz -L exits.csv      keep a CSV file
  kvm-stat -f help               list what can be counted`;

function guestPid(name: string, processes: ProcessTable): number {
  const pids = processes.pidsOf(name);
  if (pids.length > 1)
    throw new Refusal(
      `Error: Multiple processes found (pids: ${pids.join(" ")}). Use "-p" to specify the desired pid`,
    );
  return pids[0] ?? refuse(`Error: No guest by the name "${name}" found`);
}

function refuse(message: string): never {
  throw new Refusal(message);
}

function program(): Command {
  return new Command("kvm-stat")
    .description(
      "Shows what KVM's VMs do: counts of its tracepoints, and of their reasons, or its debugfs counters.",
    )
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

/**
 * The options that a command line asks for, checked.
 * @throws Refusal, UsageError; CommanderError once the help is printed
 */
export function parseStatOptions(argv: readonly string[], processes: ProcessTable): StatOptions {
  const command = program();
  const forms = command.options.map((option) => ({
    names: [option.short, option.long].filter((name) => name !== undefined),
    takesValue: option.required,
  }));
  const words = readWords(argv, [...forms, { names: ["-h", "--help"], takesValue: false }]);
  if (words.some(([name]) => name === "-h")) command.parse(["-h"], { from: "user" });
  const given = new Map(words);
  const has = (...names: string[]): boolean => names.some((name) => given.has(name));
  let pid = 0;
  // The last of -p and -g counts.
  for (const [name, value] of words) {
    if (name === "-p") pid = readInteger(value, "-p/--pid");
    if (name === "-g") pid = guestPid(value, processes);
  }
  const options: StatOptions = {
    once: has("-1", "--batch"),
    csv: has("-c"),
    debugfs: has("-d"),
    fields: given.get("-f") ?? "",
    debugfsIncludePast: has("-i"),
    log: has("-l"),
    logToFile: given.get("-L") ?? "",
    pid,
    setDelay: readFloating(given.get("-s") ?? String(DELAY_DEFAULT), "-s/--set-delay"),
    tracepoints: has("-t"),
    skipZeroRecords: has("-z"),
    overhead: has("--overhead"),
  };
  if (pid < 0) throw new UsageError(`argument -p/--pid: there is no process ${pid}`);
  checkOptions(options, (id) => processes.isRunning(id));
  return options;
}
