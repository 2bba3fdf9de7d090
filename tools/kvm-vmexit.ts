// SPDX-License-Identifier: MIT
// The umbrella: `kvm-vmexit WORD …` is the tool of that word.
import { TOOLS } from "./commands";
import type { Group } from "./lib/tool";

export const tool: Group = {
  summary: "Shows why KVM guests exit to their host, how often, and at what cost.",
  examples: [
    ["count 1", "exits by reason, every second"],
    ["time --idle hide", "what exits cost, without sleeping vCPUs"],
    ["slower 5 --wide", "exits of 5 ms and longer, with details"],
  ],
  words: TOOLS.filter(({ hidden }) => !hidden),
};
