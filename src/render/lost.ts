// SPDX-License-Identifier: MIT
// Says in words what was lost; silence means nothing.
import { type Lost, WAYS_OF_LOSS } from "../measure/lost";

const WORDS: Readonly<Record<keyof Lost, string>> = {
  recordsFull: "exits of vCPUs for which there was no account; raise --max-vcpus",
  threadsFull: "exits of a thread's further vCPUs without an account; raise --max-vcpus or attach direct",
  detailsFull: "exits of details beyond those that each vCPU has room for: counted by their reason",
  slotsFull: "exits of vCPUs with more reasons than an account has slots",
  histogramsFull: "exits counted and timed, but in no histogram; raise --max-vcpus",
  eventsDropped: "slow exits that came faster than they could be printed; raise the threshold",
  missedEvents: "events while other BPF work was under way on that CPU",
};

/** One line for each way in which something was lost. */
export function lostLines(lost: Lost): string[] {
  return WAYS_OF_LOSS.filter((way) => lost[way] > 0).map((way) => `Lost: ${lost[way]} ${WORDS[way]}`);
}
