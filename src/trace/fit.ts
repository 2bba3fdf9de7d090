// Cuts a stream of records so that it fits into a size, between two records.
import { HEADER_WORDS, TIME_WORDS } from "./layout";

/** How many of the words, which begin with a record, hold whole records and are no more than `limit`. */
export function wholeRecords(words: Uint32Array, limit: number): number {
  if (words.length <= limit) return words.length;
  let end = 0;
  for (;;) {
    const head = words[end] ?? 0;
    const next = end + HEADER_WORDS + (head >>> 31 ? TIME_WORDS : 0) + ((head >>> 28) & 7);
    if (next > limit) return end;
    end = next;
  }
}
