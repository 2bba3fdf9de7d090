// Says in words what was lost; silence means nothing.
import type { Lost } from "../native/vmexit";

const WORDS: Readonly<Record<keyof Lost, string>> = {
  recordsFull: "exits of vCPUs for which there was no record; raise --max-vcpus",
  threadsFull: "exits of a thread's further vCPUs without a record; raise --max-vcpus or attach direct",
  slotsFull: "exits of vCPUs with more reasons than a record has slots",
  histogramsFull: "exits counted and timed, but in no histogram; raise --max-vcpus",
  eventsDropped: "slow exits that came faster than they could be printed; raise the threshold",
  missedEvents: "events while other BPF work was under way on that CPU",
};

/** One line for each way in which something was lost. */
export function lostLines(lost: Lost): string[] {
  return (Object.keys(WORDS) as (keyof Lost)[])
    .filter((way) => lost[way] > 0)
    .map((way) => `Lost: ${lost[way]} ${WORDS[way]}`);
}

/** Nothing lost. */
export const NOTHING_LOST: Lost = {
  recordsFull: 0,
  threadsFull: 0,
  slotsFull: 0,
  histogramsFull: 0,
  eventsDropped: 0,
  missedEvents: 0,
};

/** What was lost between two moments. */
export function lostBetween(previous: Lost, next: Lost): Lost {
  const ways = Object.keys(WORDS) as (keyof Lost)[];
  return Object.fromEntries(ways.map((way) => [way, next[way] - previous[way]])) as unknown as Lost;
}
