// SPDX-License-Identifier: MIT
// Cuts a stream of records so that it fits into a size, between two events.
import { OF_EXITS } from "./events";
import { EVENT_MASK, HEADER_WORDS, TIME_WORDS } from "./layout";

/** How many of the words, which begin with an event, hold whole events and are no more than `limit`. */
export function wholeEvents(words: Uint32Array, limit: number): { words: number; events: number } {
  let whole = { words: 0, events: 0 };
  for (let at = 0, events = 0; at <= Math.min(limit, words.length);) {
    const head = words[at];
    const begins = head === undefined || !OF_EXITS.has(head & EVENT_MASK);
    if (begins) whole = { words: at, events: events++ };
    if (head === undefined) break;
    at += HEADER_WORDS + (head >>> 31 ? TIME_WORDS : 0) + ((head >>> 28) & 7);
  }
  return whole;
}
