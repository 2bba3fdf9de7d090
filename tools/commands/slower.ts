// SPDX-License-Identifier: MIT
// Every exit slower than a threshold, as it happens.
import { setImmediate as immediate } from "node:timers/promises";
import { UsageError } from "../../src/errors";
import { isNamed } from "../../src/measure/details";
import { NOTHING_LOST } from "../../src/measure/lost";
import type { SlowExit } from "../../src/measure/slow-exit";
import { reasonName } from "../../src/reasons";
import type { ReasonFilter } from "../../src/reasons/filter";
import { lostLines } from "../../src/render/lost";
import { slowEndJson, slowJson } from "../../src/render/json";
import { SLOW_CSV_HEADING, slowCsv, slowLine } from "../../src/render/slow";
import { aboutTrace } from "../lib/about";
import { SHARED, requireAttach } from "../lib/options";
import { diagnose, outputWritten, print } from "../lib/output";
import { defineCommand } from "../lib/tool";
import { watchSlow } from "../lib/watch";

const NAME = "kvm-vmexit-slower";
const DEFAULT_MS = 10;
const MAX_MS = 1e9;

function threshold(text: string | undefined): number {
  if (text === undefined) return DEFAULT_MS * 1e6;
  const ms = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (!(ms <= MAX_MS))
    throw new UsageError(`the threshold takes milliseconds from 0 to ${MAX_MS}, not "${text}"`);
  return Math.round(ms * 1e6);
}

export const tool = defineCommand({
  summary: "Prints every VM exit that takes MS milliseconds and longer, as it happens.",
  examples: [
    ["", "exits that take 10 ms and longer"],
    ["1 --excludes HLT", "1 ms and longer, without sleeping vCPUs"],
    ["0.05 -T --vm web1", "50 us and longer, one VM, with the time"],
    ["1 --wide", "with VM, vCPU, RIP and details"],
  ],
  operands: [{ name: "MS", description: `milliseconds from 0 to ${MAX_MS} (default: ${DEFAULT_MS})` }],
  options: {
    timestamp: { flags: ["-T", "--timestamp"], description: "put the time of day first" },
    wide: {
      flags: ["--wide"],
      description: "also VM, pid, vCPU, guest RIP and details (attaches by payload)",
    },
    ...SHARED,
  },
  runsCommand: true,
  run({ options, operands, command }) {
    const ns = threshold(operands[0]);
    const { json, csv, unit, wide, timestamp: timeOfDay } = options;
    if (wide) requireAttach("--wide", "record", options.attach);
    const format = { unit, wide, timeOfDay };
    const lineOf = (exit: SlowExit) =>
      json ? slowJson(NAME, exit) : csv ? slowCsv(exit, options.utcOffset) : slowLine(exit, format);
    const slow = { ns, details: wide || json || csv };
    const begin = ({ isa, excludes }: ReasonFilter) => {
      const names = [...excludes].map((reason) => reasonName(isa, reason) ?? String(reason));
      if (names.length > 0) diagnose(`Excludes: ${names.join(", ")}`);
      if (csv && options.header) print([SLOW_CSV_HEADING]);
    };
    return watchSlow({ options, command, timing: true, slow, names: slow.details, begin }, async (watch) => {
      const { session, isa, filter, plan, tellLosses, facts } = watch;
      const wants = ({ reason, detail }: SlowExit) => {
        const numbers = filter.details.get(reason);
        return numbers === undefined || isNamed(detail, numbers);
      };
      const about = json && aboutTrace(NAME, isa, { ...session.info(), facts }, options, { thresholdNs: ns });
      const [start, began] = [new Date(), performance.now()];
      let last = NOTHING_LOST;
      for await (const { exits, lost } of session.exits({ ...plan, asked: outputWritten })) {
        print(exits.filter(wants).map(lineOf));
        last = lost;
        plan.looked?.();
        // A second signal is heard in between.
        await immediate();
      }
      const durationNs = Math.round((performance.now() - began) * 1e6);
      const time = { start, end: new Date(), durationNs, final: true };
      if (about) print([slowEndJson(about, time, last)]);
      else if (csv) tellLosses();
      else print(lostLines(last));
    });
  },
});
