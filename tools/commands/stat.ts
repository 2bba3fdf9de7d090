// SPDX-License-Identifier: MIT
// Takes kvm_stat's place: KVM's events on a screen, in a batch, or in a log.
import { UsageError } from "../../src/errors";
import { batchLines, helpLines } from "../../src/stat/format";
import { hasHostPids } from "../../src/host/pid-namespace";
import { ForeignProcesses, Processes } from "../../src/stat/guests";
import { Machine } from "../../src/host/machine";
import { requireGood } from "../../src/host/preflight";
import { keyLines } from "../../src/stat/help-screen";
import { openDebugfs, openTracepoints, tracingFolder } from "../../src/stat/machine";
import { Refusal, type StatOptions } from "../../src/stat/options";
import type { Provider } from "../../src/stat/provider";
import { Statistics } from "../../src/stat/statistics";
import { Hangups } from "../lib/hangups";
import { diagnose, print, queueOutput } from "../lib/output";
import { type Meter, withOverhead } from "../lib/overhead";
import { dropPowers } from "../lib/powers";
import { type Stop, stopOnSignals } from "../lib/stop";
import { defineCommand } from "../lib/tool";
import { logStatistics } from "../stat/log";
import { LossReport } from "../lib/losses";
import { STAT_OPTIONS, parseStatOptions } from "../stat/options";
import { showStatistics } from "../stat/screen";

const FALLBACK_MS = 5000;
const BATCH_MS = 1000;

/** The sources that the options ask for; without tracing, debugfs, unless tracepoints were asked for by name. */
async function openProviders(options: StatOptions, processes: Processes, stop: Stop): Promise<Provider[]> {
  const tracing = tracingFolder();
  const traces = options.tracepoints || !options.debugfs;
  if (traces && tracing === undefined) {
    // The folder of tracepoints is root's: others can't see that it is there.
    requireGood(new Machine(), ["proc", "privileges"]);
    diagnose(
      "Please enable CONFIG_TRACING in your kernel when using the option -t (default).\n" +
        "If it is enabled, make /sys/kernel/tracing readable by the current user.",
    );
    if (options.tracepoints) throw new Refusal("");
    diagnose("Falling back to debugfs statistics!");
    await stop.wait(FALLBACK_MS);
  }
  if (!traces || tracing === undefined) return [openDebugfs(options, processes, true)];
  const debugfs = options.debugfs ? [openDebugfs(options, processes, false)] : [];
  return [...debugfs, openTracepoints(options, processes, tracing)];
}

async function batch(statistics: Statistics, stop: Stop): Promise<void> {
  statistics.read();
  await stop.wait(BATCH_MS);
  if (!stop.stopped) print(batchLines(statistics.read()));
}

async function show(name: string, options: StatOptions, processes: Processes, meter: Meter): Promise<void> {
  const lists = options.fields === "help";
  const hangups = options.logToFile === "" ? undefined : new Hangups();
  const stop = stopOnSignals(hangups && ["SIGINT", "SIGTERM"]);
  const providers = await openProviders(lists ? { ...options, fields: "" } : options, processes, stop);
  const statistics = new Statistics(providers, options.fields, options.pid);
  const losses = new LossReport(
    () => statistics.losses(),
    (loss) => {
      diagnose(`${name}: ${loss}`);
    },
  );
  try {
    meter.begin();
    const screen = !options.log && options.logToFile === "" && !options.once && !lists;
    // A screen's terminal is given back at the process's end, which waits for nothing that is queued.
    if (!screen) queueOutput();
    // By guest or process, debugfs's folders are those of processes that have a VM open.
    dropPowers({ names: screen || statistics.knowsGuests, maps: true, attaches: screen });
    if (lists) print(helpLines(statistics.read().keys()));
    else if (options.log || options.logToFile !== "")
      await logStatistics(statistics, options, stop, hangups, losses);
    else if (options.once) await batch(statistics, stop);
    else await showStatistics(statistics, processes, options.setDelay, stop);
    losses.tellAll();
    meter.report();
  } finally {
    statistics.close();
  }
}

export const tool = defineCommand({
  summary:
    "Shows what KVM's VMs do: counts of its tracepoints, and of their reasons, or its debugfs counters.",
  examples: [
    ["", "show all tracepoints of KVM, as top does"],
    ["-d -p 4242", "show one VM's counters from debugfs"],
    ["-1 -f 'kvm_exit\\('", "count exits by reason for a second"],
    ["-l -s 10 -z", "a line each 10 seconds, if anything happened"],
    ["-cz -L exits.csv", "keep a CSV file"],
    ["-f help", "list what can be counted"],
  ],
  operands: [],
  options: STAT_OPTIONS,
  more: ["Keys:", ...keyLines()],
  // As kvm_stat's parser, argparse, reads it: the options are described here, and read by parseStatOptions().
  readsItself: true,
  async run({ name, argv }) {
    const processes = hasHostPids() ? new Processes() : new ForeignProcesses();
    try {
      const options = parseStatOptions(argv, processes);
      await withOverhead(options.overhead, (meter) => show(name, options, processes, meter));
      return 0;
    } catch (error) {
      if (error instanceof UsageError) throw new UsageError(`error: ${error.message}`);
      if (!(error instanceof Refusal)) throw error;
      if (error.message !== "") diagnose(error.message);
      return 1;
    }
  },
});
