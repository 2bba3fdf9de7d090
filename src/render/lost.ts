// Says in words what was lost; silence means nothing.
import type { Lost } from "../native";

const WORDS: Readonly<Record<keyof Lost, string>> = {
  recordsFull: "exits of vCPUs for which there was no record; raise --max-vcpus",
  slotsFull: "exits of vCPUs with more reasons than a record has slots",
  missedEvents: "events while a program was running already on that CPU",
};

/** One line for each way in which something was lost. */
export function lostLines(lost: Lost): string[] {
  return (Object.keys(WORDS) as (keyof Lost)[])
    .filter((way) => lost[way] > 0)
    .map((way) => `Lost: ${lost[way]} ${WORDS[way]}`);
}

/** What was lost between two moments. */
export function lostBetween(previous: Lost, next: Lost): Lost {
  return {
    recordsFull: next.recordsFull - previous.recordsFull,
    slotsFull: next.slotsFull - previous.slotsFull,
    missedEvents: next.missedEvents - previous.missedEvents,
  };
}
