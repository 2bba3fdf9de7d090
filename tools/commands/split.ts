// SPDX-License-Identifier: MIT
// Splits the time of vCPUs by where it went: guest, KVM, VMM, polling, idle, waiting for a CPU.
import { lostLines } from "../../src/render/lost";
import { splitTable } from "../../src/render/split";
import { splitCsvHeading, splitCsvLines, splitJsonLine } from "../../src/render/split-lines";
import { splitIntervals } from "../../src/split-session";
import { SPLIT_GROUPINGS, splitGroup } from "../../src/split/groups";
import { aboutTrace } from "../lib/about";
import { ADVISE, CHECKS, INTERVAL, SPLIT, paceOf, parseInterval } from "../lib/options";
import { alarming, outputColumns, print } from "../lib/output";
import { liveCheck } from "../lib/live-check";
import { SPLIT_TABLES, headed, timed } from "../lib/tables";
import { defineCommand } from "../lib/tool";
import { MAX_ENDED, watchSplit } from "../lib/watch";

export const tool = defineCommand({
  summary: "Splits each vCPU's time by where it went: guest, KVM, VMM, polling, idle, waiting for a CPU.",
  examples: [
    ["1", "each vCPU, once a second"],
    ["--by vm -d 10", "each VM, over 10 seconds"],
    ["--sort waiting --top 10 5", "the ten vCPUs that wait most for a CPU"],
    ["--wide --unit us --vm web-1 5", "with waits, sleeps and polls in detail"],
    ["-d 60 --fail-if 'max(waiting) > 100us'", "status 4 if a vCPU waited so long"],
    ["--csv 10 > split.csv", "a row for each vCPU, every 10 seconds"],
  ],
  operands: INTERVAL,
  options: {
    by: {
      flags: ["--by"],
      value: "WHAT",
      description: "a row for each vCPU, for each VM, or one for all",
      choices: SPLIT_GROUPINGS,
      default: "vcpu",
    },
    wide: {
      flags: ["--wide"],
      description:
        "also L2, sleeps in KVM, polls that succeed or fail, waits of the VMM, wake-ups, moves, longest, percentiles",
    },
    ...SPLIT_TABLES,
    ...CHECKS,
    ...ADVISE,
    ...SPLIT,
  },
  runsCommand: true,
  async run({ options, operands, command }) {
    const { by, wide, unit, header, sort, top } = options;
    const check = await liveCheck("kvm-vmexit-split", options, "split");
    const asked = parseInterval(operands);
    const { interval } = asked;
    const keepsEnded = interval === undefined ? MAX_ENDED : 0;
    const status = await watchSplit(
      { options, command, keepsEnded, tellsLosses: interval !== undefined && !options.csv },
      async ({ session, isa, plan, shown, tellLosses, facts }) => {
        if (options.csv && header) print([splitCsvHeading()]);
        const about =
          options.json && aboutTrace("kvm-vmexit-split", isa, { ...session.info(), facts }, options, { by });
        let tablesBefore = false;
        for await (const reading of splitIntervals(session, { ...plan, ...paceOf(asked) })) {
          const groups = splitGroup(reading, by);
          check?.addSplit(reading, by === "vcpu" ? groups : splitGroup(reading, "vcpu"));
          if (groups.length > 0) shown();
          const losses = lostLines(reading.lost);
          if (about) print([splitJsonLine(about, reading, groups)]);
          else if (options.csv) {
            print(splitCsvLines(reading, groups, options.utcOffset));
            if (reading.final) tellLosses();
          } else {
            const { durationNs } = reading;
            const table = { durationNs, wide, unit, sort, top, heading: header, room: outputColumns() };
            const lines = headed(splitTable(groups, table), header);
            const shown = timed(lines, reading, interval !== undefined, header);
            print([...(tablesBefore ? [""] : []), ...shown, ...losses.map(alarming)]);
            tablesBefore = true;
          }
        }
      },
    );
    return check && !status ? check.end(options.json || options.csv) : status;
  },
});
