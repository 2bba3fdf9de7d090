// SPDX-License-Identifier: MIT
// VMs, their vCPUs and why they exit, on a screen.
import { closeSync, writeSync } from "node:fs";
import { UsageError } from "../../src/errors";
import { groupSamples } from "../../src/measure/grouping";
import { jsonLine } from "../../src/render/json";
import { splitJsonLine } from "../../src/render/split-lines";
import { keyHelp } from "../../src/screen/top/keys";
import type { Both, Chosen } from "../../src/screen/top/top";
import { splitGroup } from "../../src/split/groups";
import { quoted } from "../../src/text";
import { aboutTrace } from "../lib/about";
import { openToWrite } from "../lib/files";
import { DETAILS, DURATION, FILTERS, SPLIT_ATTACH, TRACING, UNIT, refuseRaw, seconds } from "../lib/options";
import { MAX_VCPUS } from "../../src/contract";
import { type OptionsOf, type Options, defineCommand } from "../lib/tool";
import { type Watch, watchAny } from "../lib/watch";
import { isUnicode, requireScreen, showTop } from "../top/screen";
import { type SplitOptions, TopSession } from "../top/session";

/** How many vCPUs that ended are in the counts since the start by their names; each takes some 20 KiB. */
const KEPT = 1024;
const NAME = "kvm-vmexit-top";

const OPTIONS = {
  idle: {
    flags: ["--idle"],
    value: "WHAT",
    description: "exits of vCPUs with nothing to do, such as HLT; key i changes it",
    choices: ["show", "hide"],
    default: "hide",
  },
  split: {
    flags: ["--no-split"],
    description: "don't split vCPUs' time, which takes programs of its own",
    default: true,
  },
  ...DETAILS,
  ...UNIT,
  ...FILTERS,
  ...DURATION,
  ...TRACING,
  maxVcpus: {
    ...TRACING.maxVcpus,
    description: `how many vCPUs can be counted apart at a time, from 1 to ${MAX_VCPUS}; each takes 38 KiB, 7 less with --no-split, 48 more with --details`,
  },
} as const satisfies Options;

type TopOptions = OptionsOf<typeof OPTIONS>;

/** Adds what happened to a file, as a line of JSON of exits and one of the split. @returns what to tell the user */
function writeLines(path: string, lines: readonly string[]): string {
  try {
    const file = openToWrite(path, { mend: "name another file", append: true });
    try {
      writeSync(file, lines.map((line) => `${line}\n`).join(""));
    } finally {
      closeSync(file);
    }
    return `added to ${quoted(path)}`;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    return `cannot write ${quoted(path)}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** What happened, as a line of exits and, where time is split, one of that. */
function linesOf(
  { exits, split }: Both,
  { details, ...chosen }: Chosen,
  { session, isa }: Watch<TopSession>,
  options: TopOptions,
): string[] {
  const about = (asked: object) =>
    aboutTrace(NAME, isa, session.exits.info(), { ...options, ...chosen }, { by: "vcpu", ...asked });
  const { idle } = chosen;
  const asked = { timing: true, histograms: true, ...(details ? { details } : {}), idle };
  const groups = groupSamples(exits, "vcpu");
  const lines = [
    jsonLine(about(asked), { ...exits, final: false }, groups, exits.lost, "wide", exits.exits.size),
  ];
  if (split) lines.push(splitJsonLine(about({}), { ...split, final: false }, splitGroup(split, "vcpu")));
  return lines;
}

function splitOptions({ split, attach, maxVcpus, pid, vcpu }: TopOptions): SplitOptions | undefined {
  if (!split) return undefined;
  return {
    attach: SPLIT_ATTACH[attach],
    maxVcpus,
    ...(pid ? { pids: pid } : {}),
    ...(vcpu ? { vcpuIds: vcpu } : {}),
  };
}

export const tool = defineCommand({
  summary: "Shows VMs, their vCPUs, why they exit and what it costs, on a screen that follows them.",
  examples: [
    ["", "all VMs, every second"],
    ["5 --vm 'web-*'", "some of them, every five seconds"],
    ["--idle show --unit us", "sleeping vCPUs too, times in us"],
    ["--details", "Enter on a reason shows which MSRs, ports, addresses"],
  ],
  operands: [{ name: "interval", description: "seconds between updates, from 0.1 to 3600 (default: 1)" }],
  options: OPTIONS,
  more: ["Keys:", ...keyHelp()],
  run({ operands: [interval], options }) {
    const every = interval === undefined ? 1 : seconds("the interval", interval);
    if (every < 0.1 || every > 3600)
      throw new UsageError(`the interval takes seconds from 0.1 to 3600, not "${interval ?? ""}"`);
    refuseRaw(options.attach, { "--details": options.details });
    requireScreen();
    const request = {
      options: { ...options, json: false, csv: false, header: true, utcOffset: false },
      command: [],
      timing: true,
      histograms: true,
      details: options.details,
      names: true,
      screen: true,
    };
    return watchAny(
      request,
      (programs, roster) => new TopSession(programs, roster, KEPT, splitOptions(options)),
      async (watch) => {
        const { session, filter, plan, stop, shown } = watch;
        shown();
        const screen = {
          seconds: every,
          unit: options.unit,
          idle: options.idle === "show",
          unicode: isUnicode(process.env),
          details: options.details,
          remark: session.fault,
          write: (path: string, happened: Both, chosen: Chosen) =>
            writeLines(path, linesOf(happened, chosen, watch, options)),
          wants: filter.wants.bind(filter),
          picks: filter.details,
        };
        await showTop(session, screen, stop, plan.durationMs);
      },
    );
  },
});
