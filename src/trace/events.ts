// SPDX-License-Identifier: MIT
// What the records of a recording of ours hold, by the lists of bpf/contract/kinds.h.
import { RECORDS } from "./kinds";

export { ANY_CPU, EVENT, VERSION } from "./kinds";

/** Of a recording of ours, whose time stamps are ns of CLOCK_MONOTONIC. */
export const TICKS_PER_US = 1000;

/** Why a recording ended, as its last record says it; 0, which it never says, is in recordings that don't tell. */
export const END_REASON = {
  /** A signal, --duration or the command's end. */
  asked: 1,
  sizeLimit: 2,
  /** The file took no more: a full disk, a quota, a limit of the process. */
  writeFailed: 3,
} as const;

/** The vCPU of an event whose thread has shown neither exit nor entry yet. */
export const UNKNOWN_VCPU = 0xffffffff;

/** kMostWithThread of native/trace/encoder.cc: a record of so many words has no room for the thread. */
const MOST_WITH_THREAD = 5;

/**
 * In which data word, from 0, a recording of ours has the thread's id. CPUID has five words already, all that the
 * original formatter reads: it has none.
 */
export const THREAD_WORD: ReadonlyMap<number, number> = new Map(
  RECORDS.flatMap(({ id, from, words }): [number, number][] =>
    from === "note" || words.length >= MOST_WITH_THREAD ? [] : [[id, words.length]],
  ),
);

/** What the data words before the thread's are called; a name that comes twice is one number, its low half first. */
export const WORD_NAMES: ReadonlyMap<number, readonly string[]> = new Map(
  RECORDS.map(({ id, words }) => [id, words]),
);

/** By event id: how many data words its records have, and whether they are notes; see hasWords(). */
const SHAPES = new Uint8Array(8 << 8).fill(0xff);
const NOTE = 0x80;
/** Events of the three categories, in 11 bits; others are at places that hold nothing. */
const place = (event: number) => (event & 0x00f8ff00 ? 0 : ((event >>> 8) & 0x700) | (event & 0xff));
for (const { id, from, words } of RECORDS)
  SHAPES[place(id)] =
    from === "note" ? NOTE | words.length : words.length + Number(words.length < MOST_WITH_THREAD);

/**
 * Whether a record of ours may have so many data words, and a time stamp. Events have one; of the notes some have none,
 * and an early END had fewer words.
 */
export function hasWords(event: number, count: number, timed: boolean): boolean {
  const shape = (event & 0xff000000) === 0 ? (SHAPES[place(event)] ?? 0xff) : 0xff;
  return shape === count
    ? timed
    : shape !== 0xff && (shape & NOTE) !== 0 && count > 0 && count <= (shape & 7);
}

/** What the recorder makes of the exit before: records that aren't events of their own. */
export const OF_EXITS: ReadonlySet<number> = new Set(
  RECORDS.flatMap(({ id, from }) => (from === "event" ? [] : [id])),
);
