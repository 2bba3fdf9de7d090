// SPDX-License-Identifier: MIT
// What top asks on its last line, how the answers are taken, and when the next reading is due.
import { nameMatcher, type Vm } from "../../host/vm";

/** A question with one line to type. */
export interface Question {
  readonly prompt: string;
  /** What is typed already. */
  readonly typed: string;
  /** Takes an answer; returns what is wrong with it, undefined if nothing. */
  readonly answer: (text: string) => string | undefined;
}

/** Longer answers are cut. */
export const MAX_ANSWER = 256;
const MIN_SECONDS = 0.1;
const MAX_SECONDS = 3600;

/** Whether a name has a text, or matches it where it is a pattern; the case of letters is all the same. */
export function nameTest(text: string): (name: string) => boolean {
  const wanted = text.toLowerCase();
  const matches = /[*?[]/.test(text) ? nameMatcher(wanted) : (name: string) => name.includes(wanted);
  return (name) => matches(name.toLowerCase());
}

/** Whether a VM has a text in its name, matches it, or is the process with this pid. */
export function vmTest(text: string): (vm: Vm) => boolean {
  const named = nameTest(text);
  return ({ name, pid }) => named(name) || String(pid) === text;
}

/** Reads seconds between two updates. @returns what is wrong, if it is a text */
export function parseDelay(text: string): number | string {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  return seconds >= MIN_SECONDS && seconds <= MAX_SECONDS
    ? seconds
    : `seconds are from ${MIN_SECONDS} to ${MAX_SECONDS}, not "${text}"`;
}

/**
 * When the next reading is due after one that was due at `dueAt` and is taken and shown. Where that took longer than the
 * interval, as long a rest as the interval: keys and other programs have their turn. All in ms.
 */
export function nextDue(dueAt: number, intervalMs: number, now: number): number {
  const next = dueAt + intervalMs;
  return next > now ? next : now + intervalMs;
}
