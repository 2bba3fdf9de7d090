// SPDX-License-Identifier: MIT
// VMs, their vCPUs and why they exit, on a screen.
import { closeSync, writeSync } from "node:fs";
import { UsageError } from "../../src/errors";
import { groupSamples } from "../../src/measure/grouping";
import type { About } from "../../src/measure/lines";
import type { Reading } from "../../src/measure/reading";
import { jsonLine } from "../../src/render/json";
import { keyLines } from "../../src/screen/top/keys";
import type { Chosen } from "../../src/screen/top/top";
import { safeText } from "../../src/text";
import { aboutTrace } from "../lib/about";
import { openToWrite } from "../lib/files";
import { DURATION, FILTERS, TRACING, UNIT, seconds } from "../lib/options";
import { defineCommand } from "../lib/tool";
import { watch } from "../lib/watch";
import { isUnicode, requireScreen, showTop } from "../top/screen";

/** How many vCPUs that ended are in the counts since the start by their names; each takes some 20 KiB. */
const KEPT = 1024;
const NAME = "kvm-vmexit-top";

/** Adds what happened to a file, as a line of JSON. @returns what to tell the user, a refusal too */
function writeReading(path: string, reading: Reading, about: About): string {
  try {
    const file = openToWrite(path, { mend: "name another file", append: true });
    try {
      const groups = groupSamples(reading, "vcpu");
      writeSync(
        file,
        `${jsonLine(about, { ...reading, final: false }, groups, reading.lost, "wide", reading.exits.size)}\n`,
      );
    } finally {
      closeSync(file);
    }
    return `added to ${safeText(path)}`;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    return `cannot write ${safeText(path)}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export const tool = defineCommand({
  summary: "Shows VMs, their vCPUs, why they exit and what it costs, on a screen that follows them.",
  examples: [
    ["", "all VMs, every second"],
    ["5 --vm 'web-*'", "some of them, every five seconds"],
    ["--idle show --unit us", "sleeping vCPUs too, times in us"],
  ],
  operands: [{ name: "interval", description: "seconds between updates, from 0.1 to 3600 (default: 1)" }],
  options: {
    idle: {
      flags: ["--idle"],
      value: "WHAT",
      description: "exits of vCPUs with nothing to do, such as HLT; key i changes it",
      choices: ["show", "hide"],
      default: "hide",
    },
    ...UNIT,
    ...FILTERS,
    ...DURATION,
    ...TRACING,
  },
  more: ["Keys:", ...keyLines()],
  run({ operands: [interval], options }) {
    const every = interval === undefined ? 1 : seconds("the interval", interval);
    if (every < 0.1 || every > 3600)
      throw new UsageError(`the interval takes seconds from 0.1 to 3600, not "${interval ?? ""}"`);
    requireScreen();
    const request = {
      options: { ...options, json: false, csv: false, header: true, utcOffset: false },
      command: [],
      timing: true,
      histograms: true,
      names: true,
      keepsEnded: KEPT,
      screen: true,
    };
    return watch(request, async ({ session, isa, filter, plan, stop, shown }) => {
      shown();
      const wants = filter.wants.bind(filter);
      const screen = {
        seconds: every,
        unit: options.unit,
        idle: options.idle === "show",
        unicode: isUnicode(process.env),
        write: (path: string, reading: Reading, chosen: Chosen) => {
          const asked = { by: "vcpu", timing: true, histograms: true, ...chosen } as const;
          return writeReading(path, reading, aboutTrace(NAME, isa, session.info(), options, asked));
        },
        wants,
      };
      await showTop(session, screen, stop, plan.durationMs);
    });
  },
});
